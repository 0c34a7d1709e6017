"""What other services of Onward ask the gateway: submitted and cancelled as everything else is."""

from datetime import UTC, datetime

import msgspec
import pytest

from onward.bus.begin_permits import BeginPermits
from onward.contract import inside, subjects
from onward.contract.ids import tick_id
from onward.contract.lifecycle import fold
from onward_gateway.inside import Inside
from tests.support.builders import submitted

TICK = datetime(2026, 5, 5, 2, tzinfo=UTC)
ID = tick_id("default", "u", TICK)


@pytest.fixture
async def ask(house):
    house.config.ready = True
    await Inside(house.gateway).serve()

    async def asked(query, question):
        data = msgspec.json.encode(question)
        reply = await house.process.messages.ask(subjects.ask(inside.SERVICE, query), data, timeout=5)
        return msgspec.json.decode(reply, type=inside.Reply)

    return asked


def tick(submission=b'{"task": "noop", "input": {"a": 1}}', **fields):
    return inside.SubmitAsked(
        project="default", actor="schedule:nightly", source="schedule", origin="nightly", scheduled_at=TICK,
        execution_id=ID, submission=msgspec.Raw(submission), **fields,
    )  # fmt: skip


async def test_what_a_schedule_submits_has_the_id_of_its_tick_and_says_where_it_comes_from(house, ask):
    reply = await ask(inside.SUBMIT, tick())

    shown = (await house.call("GET", f"/api/v1/executions/{ID}")).json
    assert reply.done == inside.Done(execution_id=ID, warnings=("no_worker",))
    assert (shown["source"], shown["origin"], shown["submitted_by"]) == (
        "schedule",
        "nightly",
        "schedule:nightly",
    )
    assert datetime.fromisoformat(shown["scheduled_at"]) == TICK


async def test_a_tick_submitted_twice_is_one_execution_whatever_its_schedule_says_by_then(house, ask):
    await ask(inside.SUBMIT, tick())

    again = await ask(inside.SUBMIT, tick(b'{"task": "noop", "input": {"a": 2}}'))

    assert again.done == inside.Done(execution_id=ID, replayed=True)
    assert (await house.call("GET", f"/api/v1/executions/{ID}")).json["input"] == {"a": 1}


async def test_a_tick_that_was_purged_from_the_log_is_not_started_again(house, ask):
    await ask(inside.SUBMIT, tick())
    house.purge()

    assert (await ask(inside.SUBMIT, tick())).done.replayed


async def test_what_a_tick_cannot_start_is_told_with_its_reason(ask):
    reply = await ask(inside.SUBMIT, tick(b'{"task": "nope"}'))

    assert (reply.problem.code, reply.problem.status) == ("unknown_task", 422)


async def test_a_gateway_that_does_not_know_the_tasks_yet_refuses_no_tick(house, ask):
    house.config.ready = False

    assert (await ask(inside.SUBMIT, tick())).problem.status == 503


async def test_an_execution_is_cancelled_by_its_schedule_and_one_that_has_ended_stays(house, ask):
    await ask(inside.SUBMIT, tick())
    asked = inside.CancelAsked(
        project="default", actor="schedule:nightly", execution_id=ID, reason="replaced"
    )

    assert (await ask(inside.CANCEL, asked)).done.execution_id == ID
    assert (await ask(inside.CANCEL, asked)).done.execution_id == ID
    assert (await house.call("GET", f"/api/v1/executions/{ID}")).json["status"] == "cancelled"


async def test_whether_a_follow_up_is_denied_is_asked_with_all_that_a_submission_is(house, ask):
    module = """package deploy

deny contains "not from here" if input.source == "trigger"
"""
    first = submitted(task="noop", source="trigger")
    permit = BeginPermits(house.process.messages, house.config).ask
    assert await permit(first) is None
    assert (await house.call("POST", "/api/v1/policies", {"name": "p", "module": module})).status == 201

    denied = await permit(first)

    assert (denied.type, "not from here" in denied.message) == ("policy_denied", True)
    assert (await permit(fold((first,)))).message == denied.message, "so is one that is to live once more"
    assert await permit(submitted(task="noop")) is None
    await house.gateway.policing.engine.close()
