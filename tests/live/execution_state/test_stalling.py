"""Stalls: what workers hold, the last events and log lines of it, and what lists show."""

import random
from datetime import timedelta

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract.lines import Chunk, Line, encode
from onward.process.metrics import Metrics
from onward_execution_state.leader import Leader
from onward_execution_state.maintenance.stalling import Stalling, StallSettings
from onward_execution_state.overview import Overview
from onward_execution_state.queries import Queries
from onward_execution_state.workers import Workers
from tests.live.execution_state.conftest import SOURCE, until_projected
from tests.live.execution_state.recorded import Recorded
from tests.unit.onward_execution_state.histories import START, Walk, interleaved

LATER = START + timedelta(minutes=10)


@pytest.fixture
async def stalled_at(bus, database):
    leader = Leader(database, "stalling")
    patience, usual = {}, {}

    async def known(_postgres, _now):
        return usual

    stalling = Stalling(
        StallSettings(quiet_seconds=300), leader=leader, lines=bus.lines, usual=known, metrics=Metrics(),
        quiet_after=lambda _project, task: patience.get(task),
    )  # fmt: skip

    async def at(moment, *, quiet_after=None, usual_ms=None):
        patience.update(quiet_after or {})
        usual.update(usual_ms or {})
        return {(stall.execution_id, stall.because): stall.since for stall in await stalling.run_once(moment)}

    yield at
    await leader.close()


@pytest.fixture
def listed(database):
    async def source():
        return SOURCE

    queries = Queries(
        database, source, Overview(database, Workers(START), None, None, None), patience_seconds=0.0
    )

    async def ask(stalled):
        asked = msgspec.json.encode({"project": "default", "stalled": stalled})
        page = msgspec.json.decode(await queries.answer("onward.ask.state.list", asked))
        return {item["id"]: item["stalled"] for item in page["items"]}

    return ask


def held(seed, **fields):
    return Walk(random.Random(seed)).submit(task=fields.pop("task", "train"), **fields).claim()


async def project(projector_of, *made):
    await until_projected(projector_of(Recorded(interleaved(list(made)))))


async def say(bus, walk, at):
    line = Line(line=1, time=at, level="info", stream="log", attempt=1, step=None, text="still here")
    chunk = Chunk(
        execution_id=walk.state.id, attempt=1, worker_id="wk-1", first=1, count=1, levels={"info": 1}, lines=[line]
    )  # fmt: skip
    await bus.lines.append("default", walk.state.id, encode(chunk), 0)


async def test_seed_stalled_is_what_runs_without_a_sign_of_life(bus, projector_of, stalled_at, listed):
    quiet, talking = held(1), held(2)
    waiting = held(3).suspend()
    ended = held(4).complete()
    await say(bus, talking, LATER - timedelta(minutes=1))
    await project(projector_of, quiet, talking, waiting, ended)

    assert await stalled_at(LATER) == {(quiet.state.id, "quiet"): quiet.state.updated_at}

    shown = await listed(stalled=True)
    assert shown.keys() == {quiet.state.id}
    assert shown[quiet.state.id]["because"] == "quiet"
    assert (await listed(stalled=False)).keys() == {w.state.id for w in (talking, waiting, ended)}


async def test_one_more_event_and_it_is_stalled_no_longer(projector_of, stalled_at, listed):
    walk = held(1)
    projector = projector_of(recorded := Recorded(interleaved([walk])))
    await until_projected(projector)
    assert await stalled_at(LATER)

    walk.at = LATER
    walk.append(ev.Progressed, fraction=0.5)
    recorded.raws.append(interleaved([walk])[-1])
    await until_projected(projector)

    assert await listed(stalled=True) == {}
    assert await stalled_at(LATER + timedelta(seconds=1)) == {}


async def test_a_task_says_how_long_it_may_be_quiet(projector_of, stalled_at):
    walk, patient = held(1, task="train"), held(2, task="report")
    await project(projector_of, walk, patient)

    found = await stalled_at(START + timedelta(minutes=2), quiet_after={"train": 60.0})

    assert found.keys() == {(walk.state.id, "quiet")}


async def test_one_that_runs_longer_than_99_of_100_of_its_task_did_is_slow(projector_of, stalled_at, listed):
    walk, other = held(1, task="train"), held(2, task="report")
    await project(projector_of, walk, other)
    moment = START + timedelta(seconds=40)

    found = await stalled_at(moment, usual_ms={("default", "train"): 30_000.0})

    assert found == {(walk.state.id, "slow"): walk.state.first_started_at + timedelta(seconds=30)}
    assert (await listed(stalled=True))[walk.state.id]["because"] == "slow"


async def test_what_waits_is_not_stalled(projector_of, stalled_at):
    await project(projector_of, held(1).pause().append(ev.Suspended, reason="paused"), held(2).ask())

    assert await stalled_at(START + timedelta(days=1)) == {}
