"""The requests of the seed page, and the metadata they bring."""

import uuid
from datetime import datetime

import pytest

from tests.support.seed_page import Onward, Refused


def test_seed_api_list_filters_by_status_and_agent(onward: Onward) -> None:
    execution = onward.submit("greet", labels={"for": "the api"})
    onward.ended(execution)

    found = onward.until(
        lambda: onward.rest("GET", "/executions?status=completed&label=for%3Dthe%20api"),
        lambda now: now["items"],
    )
    none = onward.rest("GET", "/executions?status=completed&agent_id=nobody")

    assert [one["id"] for one in found["items"]] == [execution]
    assert none["items"] == []


def test_seed_api_list_refuses_what_it_does_not_know(onward: Onward) -> None:
    with pytest.raises(Refused) as refused:
        onward.rest("GET", "/executions?agent=x")

    assert (refused.value.status, refused.value.problem["code"]) == (400, "invalid_parameter")


def test_seed_api_get_waits_for_the_end_where_asked_to(onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 0.5})

    assert onward.rest("GET", f"/executions/{execution}?wait=20")["status"] == "completed"


def test_seed_api_logs_are_numbered_lines(onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 0.1})
    onward.ended(execution)

    lines = onward.until(
        lambda: onward.rest("GET", f"/executions/{execution}/logs")["items"], lambda now: len(now) >= 6
    )

    assert [line["line"] for line in lines] == list(range(1, len(lines) + 1))
    assert [line["text"] for line in lines if line["stream"] == "log"] == ["part 1", "part 2", "part 3"]


def test_seed_api_cancel_is_said_twice_and_done_once(onward: Onward) -> None:
    execution = onward.submit("greet", delay=3600)

    first = onward.rest("POST", f"/executions/{execution}/cancel", {"reason": "by mistake"})
    again = onward.rest("POST", f"/executions/{execution}/cancel", {})

    assert first["status"] == again["status"] == "cancelled"
    types = [event["type"] for event in onward.rest("GET", f"/executions/{execution}/events")["items"]]
    assert types == ["submitted", "cancelled"]


def test_seed_unique_id_sorts_by_time_and_belongs_to_its_key(onward: Onward) -> None:
    first, second = onward.submit("greet"), onward.submit("greet")
    keyed = [onward.submit("greet", idempotency_key="the same") for _ in range(2)]

    assert uuid.UUID(first).version == 7
    assert first < second
    assert keyed[0] == keyed[1]


def test_seed_source_and_submitter_are_recorded(onward: Onward) -> None:
    parent = onward.submit("both", {"names": ["Ada"]})
    onward.ended(parent)
    (child,) = onward.until(
        lambda: onward.rest("GET", f"/executions?parent={parent}")["items"], lambda now: now
    )

    assert onward.get(parent)["source"] == "api"
    assert onward.get(parent)["submitted_by"].startswith("key:")
    assert child["source"] == "task"


def test_seed_identification_links_parents_and_children(onward: Onward) -> None:
    parent = onward.submit("both", {"names": ["Ada", "Bob"]}, task_id="order 4711")
    onward.ended(parent)
    children = onward.until(
        lambda: onward.rest("GET", f"/executions/{parent}/children")["items"], lambda now: len(now) == 2
    )

    assert onward.get(parent)["task_id"] == "order 4711"
    assert {onward.get(child["id"])["parent_id"] for child in children} == {parent}
    assert {onward.get(child["id"])["root_id"] for child in children} == {parent}


def test_seed_timing_is_the_clock_of_the_platform(onward: Onward) -> None:
    ended = onward.ended(onward.submit("work", {"seconds": 0.4}))

    created, started, completed = (
        datetime.fromisoformat(ended[name]) for name in ("created_at", "started_at", "completed_at")
    )
    assert created <= started < completed
    assert ended["duration_ms"] >= 400
    assert ended["queue_wait_ms"] >= 0


def test_seed_results_are_all_in_one_read(onward: Onward) -> None:
    good, bad = onward.ended(onward.submit("greet")), onward.ended(onward.submit("broken"))

    assert (good["status"], good["output"], good["error"]) == ("completed", "hello you", None)
    assert bad["status"] == "failed"
    assert (bad["error"]["type"], "order 7" in bad["error"]["message"]) == ("KeyError", True)
    assert "_price" in bad["error"]["stack"]
    assert good["links"]["logs"]
