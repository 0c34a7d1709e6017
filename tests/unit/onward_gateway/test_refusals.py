"""Refusals are told to the audit: those of changes, and of whoever may not come in; a flood of them is counted."""

import pytest

from onward_gateway.refusals import A_SECOND, BURST, Refusals


@pytest.fixture
def told(house):
    found = []
    house.gateway.refusals = Refusals(found.append, lambda: house.now, lambda: house.seconds)
    return found


async def test_a_refused_change_is_told_with_who_what_and_why(house, told):
    reply = await house.call("POST", "/api/v1/executions", {"task": "nope"})

    (refusal,) = told
    assert (refusal.status, refusal.code, refusal.project) == (422, "unknown_task", "default")
    assert (refusal.method, refusal.path, refusal.address) == ("POST", "/api/v1/executions", "10.0.0.9")
    assert refusal.actor.startswith("key:")
    assert refusal.trace_id == reply.json["trace_id"]


async def test_who_may_not_come_in_is_told_whatever_was_asked(house, told):
    stranger = house.add_key("other", revoked=True)
    reader = house.add_key("default", scope="read")

    await house.call("GET", "/api/v1/tasks", key=None)
    await house.call("GET", "/api/v1/tasks", key=stranger)
    await house.call("GET", "/api/v1/api-keys", key=reader)

    assert [(one.code, one.project, one.actor is None) for one in told] == [
        ("unauthorized", "default", True), ("unauthorized", "other", True), ("forbidden", "default", False),
    ]  # fmt: skip


async def test_what_only_reads_and_finds_nothing_is_not_told(house, told):
    await house.call("GET", "/api/v1/tasks/nope")
    await house.call("GET", "/api/v1/tasks?nonsense=1")

    assert told == []


async def test_a_secret_that_was_guessed_wrong_stands_in_no_refusal(house, told):
    wrong = house.key[:-4] + "AAAA"

    await house.call("GET", "/api/v1/tasks", key=wrong)

    assert wrong.rpartition("_")[2] not in str(told)


async def test_of_a_flood_only_the_number_is_told(house, told):
    for _ in range(int(BURST) + 50):
        house.gateway.refusals.hear(
            {"method": "POST", "path": "/x", "headers": [], "client": ("1.2.3.4", 5)}, refusal()
        )
    assert len(told) == BURST

    house.seconds += 1 / A_SECOND
    house.gateway.refusals.hear({"method": "POST", "path": "/x", "headers": []}, refusal())

    assert (len(told), told[-1].left_out) == (BURST + 1, 50)


def refusal():
    from onward.contract.errors import Unauthorized

    return Unauthorized("no")
