"""Planned executions: edited, approved once, and submitted when what they depend on has completed."""

import asyncio
from datetime import timedelta

import pytest

from onward.contract import commands, drafts
from onward.contract import events as ev
from onward.contract.decide import envelope, last
from onward.contract.drafts import DraftSpec
from onward.contract.log import Decision
from onward_gateway.drafting import DraftKeeper

DRAFTS = "/api/v1/drafts"
EXECUTIONS = "/api/v1/executions"


async def plan(house, name="one", **members):
    reply = await house.call(
        "POST", DRAFTS, {"name": name, **({"task": "noop"} if "agent" not in members else {}), **members}
    )
    assert reply.status == 201, reply.body
    return reply.json


async def act(house, verb, name="one", **body):
    return await house.call("POST", f"{DRAFTS}/{name}/{verb}", body)


async def end(house, execution_id, kind):
    """The execution ends: taken by a worker, or cancelled."""
    log = await house.process.events.read("default", execution_id)
    state, moment = log.execution, house.process.moment()
    if kind is ev.Cancelled:
        made = commands.cancel(state, moment, None)
    else:
        started = ev.Started(
            **envelope(state, moment),
            attempt=1,
            worker_id="w",
            connection="c",
            work_sequence=1,
            ack_subject="a",
        )
        made = (started, ev.Completed(**last(state, moment, "completed", ahead=2)))
    decision = Decision(project="default", execution_id=execution_id, expected=log.sequence, events=made)
    await house.process.events.append(decision)


def keeper(house):
    found = DraftKeeper(house.gateway)
    for name, (data, sequence) in house.config.items("default", "draft").items():
        found.hear("default", "draft", name, data, sequence)
    return found


async def submitted(house):
    """How many executions there are."""
    return len({ev.decode(raw.data).execution_id for raw in house.bus.events.raws})


async def test_a_draft_is_planned_edited_approved_and_becomes_one_execution(house):
    at = (house.now + timedelta(hours=1)).isoformat()
    made = await plan(house, title="Nightly", notes="after the backup", labels={"a": "b"}, run_at=at)
    assert (made["state"], made["execution_id"]) == ("planned", None)
    edited = await house.call("PATCH", f"{DRAFTS}/one", {"input": {"x": 1}, "priority": 8})
    assert edited.json["version"] == 2
    assert await submitted(house) == 0

    approved = (await act(house, "approve")).json

    assert approved["state"] == "submitted"
    assert approved["decided_by"].startswith("key:")
    execution = (await house.call("GET", f"{EXECUTIONS}/{approved['execution_id']}")).json
    assert (execution["reason"], execution["priority"], execution["labels"]) == ("delayed", 8, {"a": "b"})
    assert (execution["source"], execution["origin"], execution["input"]) == ("draft", "one", {"x": 1})
    assert (await act(house, "approve")).json["execution_id"] == execution["id"]
    assert await submitted(house) == 1
    assert (await house.call("PATCH", f"{DRAFTS}/one", {"priority": 1})).status == 409
    assert (await act(house, "reject")).status == 409


async def test_approved_twice_at_the_same_time_it_is_one_execution(house):
    await plan(house)

    told = await asyncio.gather(*(act(house, "approve") for _ in range(5)))

    assert {reply.status for reply in told} == {200}
    assert len({reply.json["execution_id"] for reply in told}) == 1
    assert await submitted(house) == 1


async def test_a_gateway_that_died_between_approving_and_submitting_is_made_up_for(house):
    await plan(house)
    spec = house.gateway.known.specs.get("default", DraftSpec, "one")
    approved = drafts.msgspec.structs.replace(spec, state="approved", decided_by="key:ann")
    house.config.put("default", "draft", "one", approved)

    await asyncio.gather(keeper(house).run_once(house.now), keeper(house).run_once(house.now))

    one = (await house.call("GET", f"{DRAFTS}/one")).json
    assert (one["state"], await submitted(house)) == ("submitted", 1)
    execution = (await house.call("GET", f"{EXECUTIONS}/{one['execution_id']}")).json
    assert execution["submitted_by"] == "key:ann"


async def test_a_new_draft_of_an_old_name_becomes_an_execution_of_its_own(house):
    await plan(house)
    first = (await act(house, "approve")).json["execution_id"]
    assert (await house.call("DELETE", f"{DRAFTS}/one")).status == 204
    house.now += timedelta(seconds=1)
    await plan(house)

    assert (await act(house, "approve")).json["execution_id"] != first


async def test_an_approved_draft_waits_for_drafts_and_executions_it_depends_on(house):
    other = await house.submit()
    await plan(house, "backup")
    await plan(house, depends_on=["backup", other["id"]])

    waiting = (await act(house, "approve")).json
    assert (waiting["state"], waiting["waits_for"]) == ("approved", ["backup", other["id"]])
    backup = (await act(house, "approve", "backup")).json["execution_id"]
    await end(house, backup, ev.Completed)
    await keeper(house).run_once(house.now)
    assert (await house.call("GET", f"{DRAFTS}/one")).json["waits_for"] == [other["id"]]
    await end(house, other["id"], ev.Completed)
    await keeper(house).run_once(house.now)

    assert (await house.call("GET", f"{DRAFTS}/one")).json["state"] == "submitted"


@pytest.mark.parametrize("policy,state", [("cancel", "cancelled"), ("run", "submitted")])
async def test_a_dependency_that_does_not_complete_cancels_the_draft_or_not_as_it_says(house, policy, state):
    other = await house.submit()
    await plan(house, depends_on=[other["id"]], on_failed_dependency=policy)
    await act(house, "approve")
    await end(house, other["id"], ev.Cancelled)

    await keeper(house).run_once(house.now)

    one = (await house.call("GET", f"{DRAFTS}/one")).json
    assert one["state"] == state
    assert (other["id"] in (one["because"] or "")) == (policy == "cancel")


async def test_a_rejected_draft_is_kept_with_its_reason_and_planned_anew_by_an_edit(house):
    await plan(house)
    rejected = (await act(house, "reject", reason="too early")).json
    assert (rejected["state"], rejected["because"]) == ("rejected", "too early")

    edited = (await house.call("PATCH", f"{DRAFTS}/one", {"notes": "now"})).json

    assert (edited["state"], edited["because"]) == ("planned", None)
    assert await submitted(house) == 0


@pytest.mark.parametrize(
    "members,pointer",
    [
        ({"task": None}, "/task"),
        ({"agent": "x"}, "/task"),
        ({"depends_on": ["nothing"]}, "/depends_on/0"),
        ({"depends_on": ["one"]}, "/depends_on"),
        ({"run_at": "2030-01-01T00:00:00"}, "/run_at"),
        ({"priority": 11}, "/priority"),
    ],
)
async def test_what_no_draft_can_be_is_refused_by_its_place(house, members, pointer):
    reply = await house.call("POST", DRAFTS, {"name": "one", "task": "noop", **members})

    assert reply.json["errors"][0]["pointer"] == pointer


async def test_drafts_that_wait_for_each_other_are_refused(house):
    await plan(house)
    await plan(house, "two", depends_on=["one"])

    reply = await house.call("PATCH", f"{DRAFTS}/one", {"depends_on": ["two"]})

    assert "one → two → one" in reply.json["detail"]


async def test_what_cannot_be_submitted_cannot_be_approved_and_stays_planned(house):
    await plan(house, input={"a": 1}, agent="nobody")

    assert (await act(house, "approve")).code == "unknown_agent"
    assert (await house.call("GET", f"{DRAFTS}/one")).json["state"] == "planned"
    assert (await act(house, "approve", "missing")).code == "not_found"
