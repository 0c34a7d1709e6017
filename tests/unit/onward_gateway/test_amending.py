"""PATCH changes the limits of an execution that lives, and tells who holds it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from onward.contract import subjects
from onward.contract.events import TimeoutPolicy
from onward.contract.submission import QueueSpec
from tests.unit.onward_gateway.test_executions import PATH, append, completed, failed, started


async def amend(house, execution, /, **timeouts):
    return await house.call("PATCH", f"{PATH}/{execution['id']}", {"timeouts": timeouts})


async def limits_of(house, execution):
    return (await house.process.events.read("default", execution["id"])).execution


async def test_limits_that_are_named_are_changed_and_the_others_stay(house):
    execution = await house.submit(timeouts={"attempt": 60, "execution": 600})

    reply = await amend(house, execution, execution=7200, heartbeat=30)

    assert reply.status == 200
    state = await limits_of(house, execution)
    assert state.timeouts == TimeoutPolicy(attempt=60, execution=7200, heartbeat=30)
    assert (state.deadlines["execution"] - state.created_at).total_seconds() == 7200


async def test_a_limit_is_taken_away_with_null(house):
    execution = await house.submit(timeouts={"execution": 600})

    await amend(house, execution, execution=None)

    state = await limits_of(house, execution)
    assert (state.timeouts, state.deadlines) == (TimeoutPolicy(), {})


async def test_the_worker_that_holds_it_is_told(house):
    execution = await house.submit()
    await append(house, execution["id"], started)
    told = asyncio.Event()

    async def hear(_subject, _data):
        told.set()

    await house.process.messages.subscribe(subjects.control("default", execution["id"]), hear)

    assert (await amend(house, execution, attempt=900)).status == 200

    async with asyncio.timeout(1):
        await told.wait()


@pytest.mark.parametrize(
    "wrong", [{"execution": 0}, {"attempt": -1}, {"queue": 40_000_000}, {"step": 3}, {"queue": "1h"}]
)
async def test_what_is_no_limit_is_refused(house, wrong):
    execution = await house.submit()

    assert (await amend(house, execution, **wrong)).status == 400


@pytest.mark.parametrize("end", [completed, failed])
async def test_what_has_ended_has_no_limits_to_change(house, end):
    execution = await house.submit()
    await append(house, execution["id"], started, end)

    assert (await amend(house, execution, execution=60)).code == "already_ended"


async def patch(house, execution, **changes):
    return await house.call("PATCH", f"{PATH}/{execution['id']}", changes)


async def test_a_waiting_execution_is_moved_and_woken_in_its_new_place(house):
    house.config.put("default", "queue", "urgent", QueueSpec(name="urgent"))
    execution = await house.submit(labels={"team": "a", "old": "x"})

    reply = await patch(house, execution, queue="urgent", priority=9, labels={"team": "b", "old": None})

    assert (reply.status, reply.json["queue"], reply.json["priority"]) == (200, "urgent", 9)
    assert reply.json["labels"] == {"team": "b"}
    read = await house.process.events.read("default", execution["id"], route="default.normal")
    assert read.execution.route == "urgent.high", "a read that knows only the old route finds the new one"


async def test_a_delay_is_set_and_taken_away(house):
    execution = await house.submit()

    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    later = await patch(house, execution, run_at=tomorrow)
    assert later.json["reason"] == "delayed"
    assert datetime.fromisoformat(later.json["due_at"]) == datetime.fromisoformat(tomorrow)

    now = await patch(house, execution, run_at="now")
    assert (now.json["reason"], now.json["due_at"]) == ("queued", None)


@pytest.mark.parametrize(
    "wrong, status",
    [
        ({}, 400), ({"priority": 10}, 400), ({"run_at": "soon"}, 400), ({"run_at": "2026-06-01T00:00:00"}, 400),
        ({"labels": {"": "x"}}, 400), ({"queue": "nowhere"}, 422), ({"colour": "red"}, 400),
    ],
)  # fmt: skip
async def test_what_no_execution_can_become_is_refused(house, wrong, status):
    execution = await house.submit()

    assert (await patch(house, execution, **wrong)).status == status


async def test_what_runs_is_given_no_other_time(house):
    execution = await house.submit()
    await append(house, execution["id"], started)

    assert (await patch(house, execution, run_at="2026-06-01T00:00:00Z")).status == 409
