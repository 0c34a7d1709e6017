"""Pause and resume say what is: paused, or still with a worker that ends its steps first."""

import asyncio

import pytest

from onward.contract import events as ev
from onward.contract import subjects
from tests.unit.onward_gateway.test_control import what_happened
from tests.unit.onward_gateway.test_executions import PATH, append, completed, failed, started


async def call(house, execution, verb, body=None):
    return await house.call("POST", f"{PATH}/{execution['id']}/{verb}", body)


async def test_what_no_worker_holds_is_paused_at_once(house):
    execution = await house.submit()

    reply = await call(house, execution, "pause", {"reason": "the index is rebuilt"})

    assert (reply.status, reply.json["status"], reply.json["reason"]) == (200, "pending", "paused")
    log = await house.process.events.read("default", execution["id"])
    assert (log.stored[-1].event.because, log.stored[-1].event.wake) == ("the index is rebuilt", None)
    assert log.stored[-1].event.actor.startswith("key:")


async def test_a_worker_that_holds_it_is_told_and_winds_down(house):
    execution = await house.submit()
    await append(house, execution["id"], started)
    told = asyncio.Event()

    async def hear(_subject, _data):
        told.set()

    await house.process.messages.subscribe(subjects.control("default", execution["id"]), hear)

    reply = await call(house, execution, "pause")

    assert (reply.status, reply.json["reason"]) == (202, "executing")
    async with asyncio.timeout(1):
        await told.wait()
    await append(house, execution["id"], lambda fields: ev.Suspended(**fields, reason="paused"))
    again = await call(house, execution, "pause")
    assert (again.status, again.json["reason"]) == (200, "paused")
    assert await what_happened(house, execution["id"]) == ["submitted", "started", "paused", "suspended"]


async def test_a_resume_brings_it_back_into_its_queue(house):
    execution = await house.submit()
    await call(house, execution, "pause")

    reply = await call(house, execution, "resume")

    assert (reply.status, reply.json["status"], reply.json["reason"]) == (200, "pending", "queued")
    log = await house.process.events.read("default", execution["id"])
    assert log.stored[-1].event.wake == "default.normal"


async def test_a_resume_of_what_is_not_paused_changes_nothing(house):
    execution = await house.submit()

    assert (await call(house, execution, "resume")).status == 200
    assert await what_happened(house, execution["id"]) == ["submitted"]


@pytest.mark.parametrize("verb", ["pause", "resume"])
@pytest.mark.parametrize("end", [completed, failed])
async def test_what_has_ended_is_neither_paused_nor_resumed(house, verb, end):
    execution = await house.submit()
    await append(house, execution["id"], started, end)

    reply = await call(house, execution, verb)

    assert (reply.status, reply.code) == (409, "already_ended")


async def test_what_is_being_cancelled_is_not_paused(house):
    execution = await house.submit()
    await append(house, execution["id"], started)
    await call(house, execution, "cancel")

    assert (await call(house, execution, "pause")).code == "already_ended"


async def test_a_cancel_works_while_it_is_paused(house):
    execution = await house.submit()
    await call(house, execution, "pause")

    reply = await call(house, execution, "cancel")

    assert (reply.status, reply.json["status"]) == (200, "cancelled")


async def test_what_sleeps_longer_than_the_horizon_is_paused_and_resumed_too(house):
    execution = await house.submit(delay=3600)
    house.purge()

    reply = await call(house, execution, "pause")

    assert (reply.status, reply.json["reason"]) == (200, "paused")
    house.purge()
    reply = await call(house, execution, "resume")
    assert (reply.status, reply.json["reason"]) == (200, "delayed")
    assert reply.json["due_at"] == execution["due_at"]
