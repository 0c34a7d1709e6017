"""A read is never older than what was accepted, and says "not found" only when that is proven."""

import pytest

from onward.contract import events as ev
from onward.contract.decide import Moment, envelope
from onward.contract.errors import BrokenLog
from onward.contract.log import Decision

PATH = "/api/v1/executions"
NOBODY = "00000000-0000-7000-8000-000000000000"


async def append(house, execution_id, *make):
    """Append events as a worker would: each is made of the envelope that fits."""
    log = await house.process.events.read("default", execution_id)
    moment = Moment(now=house.now, new_id=house.bus.new_id, actor="worker")
    events = tuple(build(envelope(log.execution, moment, ahead=k)) for k, build in enumerate(make, 1))
    await house.process.events.append(
        Decision(project="default", execution_id=execution_id, expected=log.sequence, events=events)
    )


def started(fields):
    return ev.Started(**fields, attempt=1, worker_id="w1", connection="c", work_sequence=1, ack_subject="a")


def checkpoint(name):
    return lambda fields: ev.CheckpointReached(**fields, attempt=1, kind="step", name=name, result=ev.NOTHING)


def completed(fields):
    return ev.Completed(**fields, output=ev.NOTHING)


def failed(fields):
    return ev.Failed(**fields, reason="error", error=ev.Failure(type="ValueError", message="no"))


async def test_an_execution_is_found_the_moment_it_is_accepted(house):
    for _ in range(50):
        execution = await house.submit()
        assert (await house.call("GET", f"{PATH}/{execution['id']}")).status == 200


async def test_a_read_needs_no_projection_while_the_log_is_there(house):
    execution = await house.submit()
    await house.state.stop()

    assert (await house.call("GET", f"{PATH}/{execution['id']}")).json["id"] == execution["id"]


async def test_what_was_purged_is_read_from_postgres(house):
    execution = await house.submit()
    house.purge()

    assert (await house.call("GET", f"{PATH}/{execution['id']}")).json["id"] == execution["id"]


async def test_without_postgres_nothing_is_called_missing(house):
    await house.state.stop()

    reply = await house.call("GET", f"{PATH}/{NOBODY}")

    assert (reply.status, reply.code) == (503, "unavailable")
    assert reply.headers["retry-after"]


async def test_a_problem_of_postgres_is_no_proof_either(house):
    house.state.problem = {
        "code": "unavailable",
        "status": 503,
        "message": "Postgres is away",
        "fix": "",
        "retry_after": 3,
    }

    reply = await house.call("GET", f"{PATH}/{NOBODY}")

    assert (reply.status, reply.headers["retry-after"]) == (503, "3")
    assert "Postgres is away" in reply.json["detail"]


async def test_what_neither_holds_is_missing(house):
    assert (await house.call("GET", f"{PATH}/{NOBODY}")).code == "not_found"


async def test_what_arrives_between_the_two_looks_is_not_missing(house):
    execution = await house.submit()
    looks = []
    read = house.gateway.events.read

    async def late(project, execution_id, **how):
        looks.append(execution_id)
        return None if len(looks) == 1 else await read(project, execution_id, **how)

    house.gateway.finder._events.read = late

    assert (await house.call("GET", f"{PATH}/{execution['id']}")).status == 200
    assert len(looks) == 2


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "*",
        ">",
        "a.b",
        "%20",
        "a%20b",
        "%0d%0aPUB%20x%201",
        "abc",
        "ABCDEF12",
        "deadbeef*",
        "x" * 5000,
        "%00",
        "..",
        "%c3%a4",
    ],
)
async def test_what_is_no_id_reaches_no_neighbour(house, text):
    calls = house.process.calls

    for path in ("", "/events", "/logs"):
        reply = await house.call("GET", f"{PATH}/{text}{path}")
        assert reply.status == 404
        assert len(reply.body) < 1500
    assert (await house.call("POST", f"{PATH}/{text}/cancel")).status == 404
    assert house.process.calls == calls


async def test_V1_one_accepted_just_now_is_not_missing_because_a_replica_is_behind(house):  # noqa: N802
    execution = await house.submit()
    house.gateway.finder._known.clear()
    read, looks = house.gateway.events.read, []

    async def behind(project, execution_id, **how):
        looks.append(execution_id)
        return None if len(looks) < 6 else await read(project, execution_id, **how)

    house.gateway.finder._events.read = behind
    house.now = house.bus.now()

    assert (await house.call("GET", f"{PATH}/{execution['id']}")).status == 200


async def test_the_beginning_of_an_id_is_enough(house):
    execution = await house.submit()
    house.state.project()

    assert (await house.call("GET", f"{PATH}/{execution['id'][:30]}")).json["id"] == execution["id"]


async def test_the_beginning_of_a_fresh_id_is_enough_before_it_is_projected(house):
    execution = await house.submit()

    assert (await house.call("GET", f"{PATH}/{execution['id'][:30]}")).json["id"] == execution["id"]


async def test_an_ambiguous_beginning_names_those_it_may_mean(house):
    ids = {(await house.submit())["id"] for _ in range(3)}

    reply = await house.call("GET", f"{PATH}/{next(iter(ids))[:8]}")

    assert reply.status == 409
    assert any(one in reply.json["detail"] for one in ids)


async def test_the_beginning_of_an_id_of_another_project_is_unknown(house):
    execution = await house.submit()
    await house.submit()
    house.state.project()
    other = house.add_key("other")

    for length in (30, 8):
        reply = await house.call("GET", f"{PATH}/{execution['id'][:length]}", key=other)
        assert (reply.status, execution["id"] in reply.json["detail"]) == (404, False)


async def test_an_unchanged_execution_is_not_sent_again(house):
    execution = await house.submit()
    first = await house.call("GET", f"{PATH}/{execution['id']}")
    etag = (b"if-none-match", first.headers["etag"].encode())

    again = await house.call("GET", f"{PATH}/{execution['id']}", headers=[etag])
    await append(house, execution["id"], started)

    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (await house.call("GET", f"{PATH}/{execution['id']}", headers=[etag])).status == 200


async def test_the_events_are_shown_in_order_page_by_page(house):
    execution = await house.submit()
    await append(house, execution["id"], started, checkpoint("one"), checkpoint("two"), completed)
    one = f"{PATH}/{execution['id']}/events"

    first = (await house.call("GET", f"{one}?limit=3")).json
    second = (await house.call("GET", f"{one}?limit=3&cursor={first['next_cursor']}")).json

    types = [event["type"] for event in first["items"] + second["items"]]
    assert types == ["submitted", "started", "checkpoint_reached", "checkpoint_reached", "completed"]
    assert second["next_cursor"] is None


async def test_events_that_were_purged_come_from_postgres(house):
    execution = await house.submit()
    await append(house, execution["id"], started, checkpoint("one"), checkpoint("two"), failed)
    house.purge()
    await house.call("POST", f"{PATH}/{execution['id']}/retry")

    items = (await house.call("GET", f"{PATH}/{execution['id']}/events")).json["items"]

    assert [event["n"] for event in items] == [1, 2, 3, 4, 5, 6, 7]
    assert [event["type"] for event in items[-2:]] == ["carried", "retry_requested"]


async def test_the_rest_of_a_log_that_was_purged_in_part_is_no_riddle(house):
    execution = await house.submit()
    await append(house, execution["id"], started, completed)
    house.state.project()
    house.bus.events.purge(2)
    house.gateway.finder._known.clear()

    assert (await house.call("GET", f"{PATH}/{execution['id']}")).json["status"] == "completed"
    assert len((await house.call("GET", f"{PATH}/{execution['id']}/events")).json["items"]) == 3


async def test_a_log_that_cannot_be_folded_is_read_from_postgres(house):
    execution = await house.submit()
    house.state.project()

    async def broken(*_args, **_how):
        raise BrokenLog("a hole")

    house.gateway.events.read = broken

    assert (await house.call("GET", f"{PATH}/{execution['id']}")).json["id"] == execution["id"]


async def test_attempts_steps_and_checkpoints_are_derived_from_the_events(house):
    execution = await house.submit()
    await append(house, execution["id"], started, checkpoint("one"), completed)
    one = f"{PATH}/{execution['id']}"

    assert [a["status"] for a in (await house.call("GET", one + "/attempts")).json["items"]] == ["completed"]
    assert [s["name"] for s in (await house.call("GET", one + "/steps")).json["items"]] == ["one"]
    assert [c["current"] for c in (await house.call("GET", one + "/checkpoints")).json["items"]] == [True]


@pytest.mark.parametrize("query", ["cursor=-1", "cursor=x", "cursor=1e3", "limit=0", "limit=201", "page=2"])
async def test_a_page_that_is_none_is_refused(house, query):
    execution = await house.submit()

    assert (await house.call("GET", f"{PATH}/{execution['id']}/events?{query}")).code == "invalid_parameter"


async def test_a_list_is_asked_for_with_every_filter_and_the_project_of_the_key(house):
    query = (
        "status=running&status=failed&agent_id=a&team=t&task=noop&queue=q&environment=e&worker=w&parent=p&label=k%3Dv&label=x%3D"
        "&since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z&q=abc&limit=7&min_position=9&cursor=c"
    )

    reply = await house.call("GET", f"{PATH}?{query}")

    assert reply.json == {"items": [], "next_cursor": None, "as_of": {"position": 0, "at": None}}
    assert house.state.asked == [{
        "project": "default", "status": ["running", "failed"], "agent_id": "a", "team": "t", "task": "noop",
        "queue": "q", "environment": "e", "worker": "w", "parent": "p", "label": ["k=v", "x="],
        "since": "2026-01-01T00:00:00Z",
        "until": "2026-02-01T00:00:00Z",
        "q": "abc", "limit": 7, "min_position": 9, "cursor": "c",
    }]  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        "stauts=running",
        "status=done",
        "limit=0",
        "limit=1000",
        "since=now",
        "label=x",
        "project=other",
        "q=",
        "q=%00",
        "task=a&task=b",
    ],
)
async def test_a_list_with_an_unknown_or_wrong_filter_is_refused(house, query):
    reply = await house.call("GET", f"{PATH}?{query}")

    assert (reply.status, reply.code) == (400, "invalid_parameter")
    assert house.state.asked == []


async def test_a_list_without_postgres_can_be_asked_for_later(house):
    await house.state.stop()

    reply = await house.call("GET", PATH)

    assert (reply.status, reply.code) == (503, "unavailable")


async def test_the_children_of_an_execution_are_a_list_of_their_own(house):
    parent = await house.submit()
    links = (await house.call("GET", f"{PATH}/{parent['id']}")).json["links"]

    reply = await house.call("GET", f"{links['children']}?status=failed&limit=7")

    assert reply.json["items"] == []
    asked = {"project": "default", "parent": parent["id"], "status": ["failed"], "limit": 7}
    assert house.state.asked == [asked]


async def test_nobody_has_no_children(house):
    assert (await house.call("GET", f"{PATH}/{NOBODY}/children")).code == "not_found"


async def test_a_child_names_its_parent(house):
    parent = await house.submit()
    child = await house.submit(parent_id=parent["id"])

    assert child["parent_id"] == parent["id"]
    assert child["links"]["parent"] == parent["links"]["self"]
