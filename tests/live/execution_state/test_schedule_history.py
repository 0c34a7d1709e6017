"""What became of ticks, in Postgres: listed with its reason, after its schedule is gone, and over a rebuild."""

from datetime import timedelta

import msgspec
import pytest

from onward.contract.ids import tick_id
from onward.contract.schedules import ScheduleState, TickRow
from onward_execution_state.leader import Leader
from onward_execution_state.overview import Overview
from onward_execution_state.queries import Queries
from onward_execution_state.rebuild import Log, rebuild
from onward_execution_state.scheduling.history import TickHistory
from onward_execution_state.workers import Workers
from tests.live.execution_state.conftest import NOW, SOURCE
from tests.live.execution_state.recorded import Recorded
from tests.support.ticks import MemoryTicks

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def empty(database):
    connection = await database.writer(durable=True)
    await connection.execute("truncate schedule_ticks")
    await connection.close()
    return database


@pytest.fixture
async def history(empty):
    leader = Leader(empty, "ticks")
    ticks = MemoryTicks()
    yield ticks, TickHistory(ticks, leader)
    await leader.close()


@pytest.fixture
def runs(empty):
    async def source():
        return SOURCE

    queries = Queries(empty, source, Overview(empty, Workers(NOW), None, None, None), patience_seconds=0.0)

    async def asked(**question):
        question = {"project": "default", "schedule": "nightly", **question}
        reply = await queries.answer("onward.ask.state.schedule_runs", msgspec.json.encode(question))
        return msgspec.json.decode(reply)

    return asked


async def decided(ticks, *rows, uid="u"):
    _, expected = await ticks.last("default", "nightly")
    await ticks.put("default", "nightly", ScheduleState(uid=uid, position=NOW, at=NOW, rows=rows), expected)


def fired(minutes, uid="u"):
    tick = NOW + minutes * MINUTE
    return TickRow(tick=tick, outcome="fired", execution_id=tick_id("default", uid, tick))


async def test_each_tick_is_listed_with_its_outcome_and_its_reason(history, runs):
    ticks, loop = history
    await decided(ticks, fired(1))
    await decided(
        ticks,
        TickRow(tick=NOW + 2 * MINUTE, outcome="skipped", reason="execution x has not ended"),
        TickRow(
            tick=NOW + 3 * MINUTE,
            until=NOW + 9 * MINUTE,
            count=7,
            outcome="missed",
            reason="nobody was there",
        ),
    )
    await loop.run_once(NOW)

    found = (await runs())["items"]

    assert [(row["outcome"], row["reason"], row["count"]) for row in found] == [
        ("missed", "nobody was there", 7), ("skipped", "execution x has not ended", 1), ("fired", None, 1),
    ]  # fmt: skip


async def test_a_history_is_read_page_by_page_and_by_outcome(history, runs):
    ticks, loop = history
    await decided(ticks, *(fired(minutes) for minutes in range(5)))
    await decided(ticks, TickRow(tick=NOW - MINUTE, outcome="missed", reason="nobody was there"))
    await loop.run_once(NOW)

    first = await runs(limit=4)
    second = await runs(limit=4, cursor=first["next_cursor"])
    missed = await runs(outcome=["missed"])

    assert len({row["tick"] for row in first["items"] + second["items"]}) == 6
    assert second["next_cursor"] is None
    assert [row["outcome"] for row in missed["items"]] == ["missed"]


async def test_the_history_outlives_a_rebuild_and_what_is_read_again_changes_nothing(
    history, runs, empty, projector_of
):
    ticks, loop = history
    await decided(ticks, fired(1))
    await loop.run_once(NOW)
    before = await runs()

    await rebuild(empty._url, Log(events=Recorded([]), source=SOURCE, first_sequence=1), NOW)
    await loop.run_once(NOW)

    assert await runs() == before
    assert len(before["items"]) == 1


async def test_another_schedule_of_the_same_name_keeps_the_history_of_the_first(history, runs):
    ticks, loop = history
    await decided(ticks, fired(1))
    await decided(ticks, fired(1, "other"), uid="other")
    await loop.run_once(NOW)

    assert len({row["execution_id"] for row in (await runs())["items"]}) == 2
