"""Cancel, retry and answer tell the truth, whoever else writes to the same log."""

import asyncio

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import FenceLost
from tests.unit.onward_gateway.test_executions import (
    NOBODY,
    PATH,
    append,
    checkpoint,
    completed,
    failed,
    started,
)


def asked(text="well?", wait="q1", **more):
    return lambda fields: ev.QuestionAsked(**fields, wait=wait, text=text, **more)


def suspended(fields):
    return ev.Suspended(**fields, reason="waiting_for_input")


async def what_happened(house, execution_id):
    log = await house.process.events.read("default", execution_id)
    return [ev.event_type(item.event) for item in log.stored]


async def test_what_no_worker_holds_is_cancelled_at_once(house):
    execution = await house.submit()

    reply = await house.call("POST", f"{PATH}/{execution['id']}/cancel", {"reason": "not needed"})

    assert (reply.status, reply.json["status"], reply.json["reason"]) == (200, "cancelled", "not needed")
    assert await what_happened(house, execution["id"]) == ["submitted", "cancelled"]


async def test_C1_who_holds_it_is_asked_and_told(house):  # noqa: N802
    execution = await house.submit()
    await append(house, execution["id"], started)
    told = []

    async def hear(subject, _data):
        told.append(subject)

    await house.process.messages.subscribe(subjects.control("default", execution["id"]), hear)

    reply = await house.call("POST", f"{PATH}/{execution['id']}/cancel")

    assert (reply.status, reply.json["status"], reply.json["reason"]) == (202, "running", "cancelling")
    log = await house.process.events.read("default", execution["id"])
    assert log.stored[-1].event.wake == "default.normal"
    async with asyncio.timeout(1):
        while not told:
            await asyncio.sleep(0)


async def test_a_second_cancel_changes_nothing(house):
    execution = await house.submit()
    await append(house, execution["id"], started)
    await house.call("POST", f"{PATH}/{execution['id']}/cancel")

    again = await house.call("POST", f"{PATH}/{execution['id']}/cancel")

    assert (again.status, again.json["reason"]) == (200, "cancelling")
    assert await what_happened(house, execution["id"]) == ["submitted", "started", "cancel_requested"]


async def test_a_cancel_of_what_is_cancelled_is_done_already(house):
    execution = await house.submit()
    await house.call("POST", f"{PATH}/{execution['id']}/cancel")

    assert (await house.call("POST", f"{PATH}/{execution['id']}/cancel")).status == 200


@pytest.mark.parametrize("end", [completed, failed])
async def test_an_outcome_stands(house, end):
    execution = await house.submit()
    await append(house, execution["id"], started, end)

    reply = await house.call("POST", f"{PATH}/{execution['id']}/cancel")

    assert (reply.status, reply.code) == (409, "already_ended")


async def test_a_cancel_that_loses_the_race_sees_what_won(house):
    execution = await house.submit()
    await append(house, execution["id"], started)
    events, lost = house.gateway.events, []
    store = events.append

    async def beaten(decision):
        if not lost:
            lost.append(decision)
            await append(house, execution["id"], completed)
        return await store(decision)

    events.append = beaten

    assert (await house.call("POST", f"{PATH}/{execution['id']}/cancel")).code == "already_ended"


async def test_a_cancel_gets_through_a_log_that_others_write_to(house):
    execution = await house.submit()
    await append(house, execution["id"], started)
    store, beaten = house.gateway.events.append, []

    async def often_beaten(decision):
        if len(beaten) < 20:
            beaten.append(decision)
            house.gateway.events.append = store
            await append(house, execution["id"], checkpoint(f"s{len(beaten)}"))
            house.gateway.events.append = often_beaten
        return await store(decision)

    house.gateway.events.append = often_beaten

    assert (await house.call("POST", f"{PATH}/{execution['id']}/cancel")).status == 202
    assert len(beaten) == 20


async def test_a_log_that_never_rests_ends_in_a_refusal_for_now(house, monkeypatch):
    monkeypatch.setattr("onward_gateway.control._DEADLINE_SECONDS", 0.05)
    execution = await house.submit()

    async def never(_decision):
        raise FenceLost("x", floor=1)

    house.gateway.events.append = never

    reply = await house.call("POST", f"{PATH}/{execution['id']}/cancel")

    assert (reply.status, reply.headers["retry-after"]) == (503, "1")


async def test_two_cancels_at_once_make_one_end(house):
    execution = await house.submit()

    replies = await asyncio.gather(
        *(house.call("POST", f"{PATH}/{execution['id']}/cancel") for _ in range(10))
    )

    assert {reply.status for reply in replies} == {200}
    assert await what_happened(house, execution["id"]) == ["submitted", "cancelled"]


@pytest.mark.parametrize("verb", ["cancel", "retry"])
async def test_a_command_without_a_body_is_complete(house, verb):
    execution = await house.submit()
    await append(house, execution["id"], started, failed)

    reply = await house.call("POST", f"{PATH}/{execution['id']}/{verb}")

    assert reply.status == (202 if verb == "retry" else 409)


async def test_a_retry_is_another_life(house):
    execution = await house.submit()
    await append(house, execution["id"], started, checkpoint("one"), failed)

    reply = await house.call("POST", f"{PATH}/{execution['id']}/retry")

    assert (reply.status, reply.json["status"], reply.json["reason"]) == (202, "pending", "queued")
    log = await house.process.events.read("default", execution["id"])
    assert list(log.checkpoints()) == [("", "one", "")]


async def test_a_retry_from_the_start_forgets_the_steps(house):
    execution = await house.submit()
    await append(house, execution["id"], started, checkpoint("one"), failed)

    await house.call("POST", f"{PATH}/{execution['id']}/retry", {"from_start": True})

    log = await house.process.events.read("default", execution["id"])
    assert log.checkpoints() == {}


async def test_what_runs_or_is_completed_is_not_retried(house):
    execution = await house.submit()
    assert (await house.call("POST", f"{PATH}/{execution['id']}/retry")).code == "not_retryable"

    await append(house, execution["id"], started, completed)
    assert (await house.call("POST", f"{PATH}/{execution['id']}/retry")).code == "not_retryable"


async def test_T2_a_purged_execution_comes_back_with_its_state_and_its_checkpoints(house):  # noqa: N802
    execution = await house.submit(input={"a": 1}, labels={"k": "v"})
    steps = [checkpoint(f"s{i}") for i in range(10)]
    await append(house, execution["id"], started, *steps, failed)
    house.purge()

    reply = await house.call("POST", f"{PATH}/{execution['id']}/retry")

    assert (reply.status, reply.json["status"], reply.json["labels"]) == (202, "pending", {"k": "v"})
    log = await house.process.events.read("default", execution["id"])
    assert [ev.event_type(item.event) for item in log.stored] == ["carried", "retry_requested"]
    assert len(log.checkpoints()) == 10
    assert (log.execution.n, log.execution.lives, bytes(log.execution.input)) == (15, 2, b'{"a":1}')


async def test_T2_many_checkpoints_are_carried_in_parts(house, monkeypatch):  # noqa: N802
    monkeypatch.setattr("onward.contract.carry.PART_BYTES", 1000)
    execution = await house.submit()
    await append(house, execution["id"], started, *(checkpoint(f"s{i}") for i in range(10)), failed)
    house.purge()

    await house.call("POST", f"{PATH}/{execution['id']}/retry")

    log = await house.process.events.read("default", execution["id"])
    parts = [item.event for item in log.stored if isinstance(item.event, ev.Carried)]
    assert len(parts) > 1
    assert [(p.part, p.parts) for p in parts] == [(k, len(parts)) for k in range(1, len(parts) + 1)]
    assert len(log.checkpoints()) == 10
    assert log.execution.status == "pending"


async def test_T2_two_retries_of_a_purged_execution_make_one_life(house):  # noqa: N802
    execution = await house.submit()
    await append(house, execution["id"], started, failed)
    house.purge()

    replies = await asyncio.gather(*(house.call("POST", f"{PATH}/{execution['id']}/retry") for _ in range(5)))

    assert sorted(reply.status for reply in replies) == [202, 409, 409, 409, 409]
    assert await what_happened(house, execution["id"]) == ["carried", "retry_requested"]


async def test_T2_a_log_that_was_purged_in_part_is_retried_on_top_of_its_rest(house):  # noqa: N802
    execution = await house.submit()
    await append(house, execution["id"], started, checkpoint("one"), failed)
    house.state.project()
    house.bus.events.purge(2)
    house.gateway.finder._known.clear()

    reply = await house.call("POST", f"{PATH}/{execution['id']}/retry")

    assert (reply.status, reply.json["status"]) == (202, "pending")
    assert list((await house.process.events.read("default", execution["id"])).checkpoints()) == [
        ("", "one", "")
    ]


async def test_T2_a_purged_outcome_stands(house):  # noqa: N802
    execution = await house.submit()
    await append(house, execution["id"], started, completed)
    house.purge()

    assert (await house.call("POST", f"{PATH}/{execution['id']}/cancel")).code == "already_ended"
    assert (await house.call("POST", f"{PATH}/{execution['id']}/retry")).code == "not_retryable"


async def test_a_full_store_takes_no_retry(house):
    execution = await house.submit()
    await append(house, execution["id"], started, failed)
    house.used = (99, 100)
    await house.gateway.store.look(house.now)

    assert (await house.call("POST", f"{PATH}/{execution['id']}/retry")).code == "store_full"
    assert (await house.call("POST", f"{PATH}/{execution['id']}/cancel")).code == "already_ended"


async def questioned(house, **more):
    execution = await house.submit()
    await append(house, execution["id"], started, asked(**more), suspended)
    return execution["id"]


async def test_an_answer_wakes_who_asked(house):
    one = await questioned(house)

    reply = await house.call("POST", f"{PATH}/{one}/answer", {"answer": {"yes": True}})

    assert (reply.status, reply.json["reason"], reply.json["waiting_on"]) == (200, "waiting_for_worker", [])
    log = await house.process.events.read("default", one)
    assert log.stored[-1].event.wake == "default.normal"
    assert msgspec.json.decode(log.execution.waits["q1"].answer) == {"yes": True}
    assert log.execution.waits["q1"].answered_by.startswith("key:")


async def test_a_question_is_answered_once(house):
    one = await questioned(house)
    replies = await asyncio.gather(
        *(house.call("POST", f"{PATH}/{one}/answer", {"answer": i}) for i in range(5))
    )

    assert sorted(reply.status for reply in replies) == [200, 409, 409, 409, 409]
    assert {reply.code for reply in replies if reply.status == 409} == {"question_closed"}


async def test_an_answer_has_to_be_one_of_the_choices(house):
    one = await questioned(house, choices=("yes", "no"))

    reply = await house.call("POST", f"{PATH}/{one}/answer", {"answer": "maybe"})

    assert (reply.status, reply.code, reply.json["errors"][0]["pointer"]) == (422, "invalid_input", "/answer")
    assert (await house.call("POST", f"{PATH}/{one}/answer", {"answer": "yes"})).status == 200


async def test_an_answer_that_would_pass_for_a_large_value_is_refused(house):
    one = await questioned(house)

    reply = await house.call("POST", f"/api/v1/executions/{one}/answer", {"answer": {"$onward_object": 1}})

    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/answer")


async def test_an_answer_has_to_fit_the_schema_of_the_question(house):
    one = await questioned(
        house, schema=msgspec.Raw(b'{"type":"object","properties":{"n":{"type":"integer"}}}')
    )

    reply = await house.call("POST", f"{PATH}/{one}/answer", {"answer": {"n": "x"}})

    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/answer/n")


async def test_of_several_questions_one_is_named(house):
    execution = await house.submit()
    await append(house, execution["id"], started, asked(), asked(wait="q2"), suspended)
    one = f"{PATH}/{execution['id']}/answer"

    unclear = await house.call("POST", one, {"answer": 1})

    assert (unclear.status, unclear.code) == (409, "conflict")
    assert "q2" in unclear.json["hint"]
    assert (await house.call("POST", one, {"answer": 1, "question_id": "q2"})).status == 200
    assert (await house.call("POST", one, {"answer": 1, "question_id": "q2"})).code == "question_closed"


@pytest.mark.parametrize(
    "verb, body, status",
    [
        ("answer", None, 400),
        ("answer", {}, 400),
        ("answer", {"answer": 1, "extra": 2}, 400),
        ("answer", b'{"answer":1e999}', 400),
        ("answer", {"answer": "x" * 262_145}, 413),
        ("answer", {"answer": "\0"}, 400),
        ("cancel", {"why": 1}, 400),
        ("cancel", b"{", 400),
        ("retry", {"from_start": "yes"}, 400),
        ("retry", [], 400),
    ],
)
async def test_a_command_that_is_none_is_refused(house, verb, body, status):
    one = await questioned(house)

    assert (await house.call("POST", f"{PATH}/{one}/{verb}", body)).status == status


@pytest.mark.parametrize("verb", ["cancel", "retry", "answer"])
async def test_a_command_about_nothing_is_refused(house, verb):
    body = {"answer": 1} if verb == "answer" else {}

    assert (await house.call("POST", f"{PATH}/{NOBODY}/{verb}", body)).code == "not_found"
    assert (await house.call("POST", f"{PATH}/{NOBODY}/{verb}?force=1", body)).code == "invalid_parameter"


async def test_another_project_cannot_touch_an_execution(house):
    execution = await house.submit()
    other = house.add_key("other")

    assert (await house.call("POST", f"{PATH}/{execution['id']}/cancel", key=other)).status == 404
    assert await what_happened(house, execution["id"]) == ["submitted"]
