"""The power goes while a batch is being stored, and takes the memory along in which the batch waited."""

import shutil

import pytest

from onward.bus.bus import open_bus
from onward.bus.topology import ensure
from onward.bus.torn import mend_end
from onward.cli.embedded.scratch import Scratch
from onward.contract import events as ev
from onward.contract import subjects
from tests.live.bus.making import creation, next_decision
from tests.support.nats_server import one_server

EVENTS_OF_ONE = 3


def in_memory(tmp_path):
    """A folder in the place of the machine's memory."""
    memory = tmp_path / "memory"
    memory.mkdir()
    return memory


def cut_off(server, count):
    """Takes the last messages out of the stream's file: what was written behind them never reached the disk."""
    files = server.folder / server.name / "jetstream" / "APP" / "streams" / subjects.EVENTS / "msgs"
    last = max(files.glob("*.blk"), key=lambda file: int(file.stem))
    data = last.read_bytes()
    ends, place = [0], 0
    while place < len(data):
        place += int.from_bytes(data[place : place + 4], "little") & 0x3FFFFFFF
        ends.append(place)
    last.write_bytes(data[: ends[-1 - count]])
    for state in files.glob("index.db"):
        state.unlink()


async def ordinals(bus):
    """Which events of which execution are there."""
    found = {}
    for raw in await bus.events.scan(0, 100):
        event = ev.decode(raw.data)
        found.setdefault(event.execution_id, []).append(event.n)
    return found


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_a2_a_decision_that_a_power_cut_tore_is_taken_back_whole(tmp_path, lost):
    scratch = Scratch(tmp_path / "alone", memory=in_memory(tmp_path))
    with one_server(tmp_path) as server:
        bus = await open_bus(server.url, "test", lambda: None)
        await ensure(bus.connection)
        assert scratch.keep()
        whole, torn = creation("p"), creation("p")
        kept = await bus.events.append(whole)
        made = await bus.events.append(torn)
        pair = next_decision(whole, kept, 2, count=2)
        await bus.events.append(pair)
        await bus.events.append(next_decision(torn, made, 2, count=EVENTS_OF_ONE))
        await bus.close()
        server.kill()
        shutil.rmtree(tmp_path / "memory")
        cut_off(server, lost)

        server.start()
        bus = await open_bus(server.url, "test", lambda: None)
        removed = await mend_end(bus.connection)

        assert len(removed) == EVENTS_OF_ONE - lost
        assert await ordinals(bus) == {whole.execution_id: [1, 2, 3], torn.execution_id: [1]}
        again = next_decision(torn, made, 2, count=EVENTS_OF_ONE)
        assert await bus.events.append(again) > made
        assert await mend_end(bus.connection) == []
        await bus.close()
