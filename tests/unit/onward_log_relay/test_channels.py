import asyncio
import json

import pytest

from onward.contract import subjects
from onward.contract.view import view
from onward_log_relay import channels
from onward_log_relay.app import create_app
from tests.support.asgi import WebSocket
from tests.support.log_relay import ID, KEY, NOON, Life, relay_over

WITH_KEY = {"authorization": f"Bearer {KEY}"}


def other(number):
    return ID[:-4] + f"{number:04}"


class State:
    """execution_state, answering lists from the logs in memory, as far as it has come."""

    def __init__(self, bus):
        self.bus = bus
        self.process = bus.process("state")
        self.position = None
        self.asked = 0

    async def start(self):
        await self.process.messages.subscribe(subjects.ask("state", "list"), self.answer)
        return self

    async def answer(self, _subject, data):
        import msgspec

        self.asked += 1
        asked = json.loads(data)
        ids = reversed(self.bus.events.ids("default"))
        states = [(await self.process.events.read("default", one)).execution for one in ids]
        found = [view(state) for state in states if state.status.value in asked["status"]]
        at = int(asked.get("cursor", 0))
        page, more = found[at : at + asked["limit"]], len(found) > at + asked["limit"]
        position = self.bus.events.last if self.position is None else self.position
        return msgspec.json.encode({
            "items": page, "next_cursor": str(at + asked["limit"]) if more else None,
            "as_of": {"position": position, "at": NOON},
        })  # fmt: skip


@pytest.fixture
async def state(bus):
    return await State(bus).start()


@pytest.fixture
async def relay(process, state):
    return relay_over(process)


@pytest.fixture
async def socket(relay):
    socket = WebSocket(create_app(relay), "/api/v1/ws", WITH_KEY)
    await socket.next("ready")
    yield socket
    socket.leave()
    await socket.ended()


async def life(process, number):
    return await (await Life(process, other(number)).submitted()).started()


def statuses(items):
    return {item["id"]: item["status"] for item in items}


async def test_seed_board_begins_with_a_snapshot_and_goes_on_with_changes(process, socket):
    running = await life(process, 1)
    await Life(process, other(2)).submitted()
    socket.say(type="subscribe", channel="board")
    snapshot = await socket.next("snapshot")
    assert statuses(snapshot["items"]) == {other(1): "running", other(2): "pending"}
    assert (snapshot["part"], snapshot["last"], snapshot["complete"]) == (1, True, True)
    await running.completed()
    changes = await socket.next("changes")
    assert (statuses(changes["items"]), changes["gone"]) == ({other(1): "completed"}, [])
    assert changes["position"] > snapshot["position"]


async def test_what_leaves_the_filter_is_gone_from_the_board(process, socket):
    running = await life(process, 1)
    socket.say(type="subscribe", channel="board", where={"status": ["pending", "running"]})
    assert statuses((await socket.next("snapshot"))["items"]) == {other(1): "running"}
    await running.completed()
    changes = await socket.next("changes")
    assert (changes["items"], changes["gone"]) == ([], [other(1)])


async def test_changes_between_snapshot_and_follow_are_not_missed(process, state, socket):
    state.position = 1  # the projection lags: what came since is told from the log
    await life(process, 1)
    await life(process, 2)
    socket.say(type="subscribe", channel="board", where={"status": ["pending"]})
    assert (await socket.next("snapshot"))["items"] == []
    changes = await socket.next("changes")
    assert sorted(changes["gone"]) == [other(1), other(2)]


async def test_seed_board_a_card_is_sent_ten_times_a_second_at_most(process, socket):
    running = await life(process, 1)
    socket.say(type="subscribe", channel="board")
    await socket.next("snapshot")
    began = asyncio.get_running_loop().time()
    log = await process.events.read("default", other(1))
    from onward.contract.decide import envelope
    from onward.contract.events import Progressed
    from onward.contract.log import Decision

    for step in range(60):
        event = Progressed(**envelope(log.execution, running.moment()), fraction=step / 60)
        decision = Decision(project="default", execution_id=other(1), expected=log.sequence, events=(event,))
        sequence = await process.events.append(decision)
        log = log.then((event,), sequence)
        await asyncio.sleep(0.01)

    def progress(socket):
        found = [item["progress"] for m in socket.said if m["type"] == "changes" for item in m["items"]]
        return found[-1]["fraction"] if found else None

    await socket.until(lambda s: progress(s) == 59 / 60)
    seconds = asyncio.get_running_loop().time() - began
    assert len([m for m in socket.said if m["type"] == "changes"]) <= seconds / channels.GATHER_SECONDS + 2


async def test_who_comes_back_within_the_horizon_needs_no_snapshot(bus, process, state, socket):
    running = await life(process, 1)
    await running.completed()
    socket.say(type="subscribe", channel="board", after=1)
    changes = await socket.next("changes")
    assert (statuses(changes["items"]), state.asked) == ({other(1): "completed"}, 0)


async def test_seed_board_a_gap_brings_a_snapshot_again(bus, process, state, socket):
    await (await life(process, 1)).completed()
    await life(process, 2)
    bus.events.purge(3)
    socket.say(type="subscribe", channel="board", after=1)
    snapshot = await socket.next("snapshot")
    assert statuses(snapshot["items"]) == {other(2): "running"}


async def test_a_client_far_behind_gets_a_snapshot_in_place_of_all_that_happened(
    process, state, socket, monkeypatch
):
    monkeypatch.setattr(channels, "MOST_BEHIND", 4)
    for number in range(1, 6):
        await life(process, number)
    socket.say(type="subscribe", channel="board", after=1)
    assert len((await socket.next("snapshot"))["items"]) == 5


async def test_a_board_of_thousands_comes_in_parts_the_open_ones_first(process, socket):
    for number in range(1, 451):
        await Life(process, other(number)).submitted()
    socket.say(type="subscribe", channel="board", open=430)
    parts = []
    while not (parts and parts[-1]["last"]):
        parts.append(await socket.next("snapshot"))
    assert [len(part["items"]) for part in parts] == [200, 200, 30]
    assert not parts[0]["complete"]


async def test_the_events_channel_tells_what_the_http_stream_tells(process, socket):
    socket.say(type="subscribe", channel="events", where={"type": ["started"]}, id="mine")
    await socket.next("subscribed")
    await life(process, 1)
    told = await socket.next("events")
    assert told["id"] == "mine"
    assert [(one["type"], one["status"], one["task"]) for one in told["items"]] == [
        ("started", "running", "talk")
    ]


@pytest.mark.parametrize(
    "asked, code",
    [
        ({"channel": "board", "execution_id": ID}, "invalid_parameter"),
        ({"channel": "board", "where": {"type": ["failed"]}}, "invalid_parameter"),
        ({"channel": "log"}, "not_found"),
        ({"channel": "execution", "execution_id": ID, "where": {"task": ["x"]}}, "invalid_parameter"),
        ({"channel": "events", "where": {"tusk": ["x"]}}, "invalid_body"),
        ({"channel": "events", "after": 99}, "position_gone"),
    ],
)
async def test_a_subscription_that_makes_no_sense_is_refused(socket, asked, code):
    socket.say(type="subscribe", **asked)
    assert (await socket.next("error"))["code"] == code


async def test_without_execution_state_a_board_says_so(process):
    socket = WebSocket(create_app(relay_over(process)), "/api/v1/ws", WITH_KEY)
    socket.say(type="subscribe", channel="board")
    assert (await socket.next("error"))["code"] == "unavailable"
    socket.leave()
    await socket.ended()
