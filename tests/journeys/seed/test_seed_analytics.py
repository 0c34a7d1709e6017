"""How executions went, as the command line and REST tell it."""

import csv
import io

import pytest

from tests.support.seed_page import Onward


@pytest.fixture(scope="module")
def ended(onward: Onward) -> str:
    """A task's name: three of its executions have completed, one failed, one was cancelled."""
    for _ in range(3):
        onward.ended(onward.submit("tally", {"seconds": 0.05}))
    onward.ended(onward.submit("tally", {"seconds": -1}))
    held = onward.submit("tally", {"seconds": 600})
    onward.running(held)
    onward.run("execution", "cancel", held, "--wait")
    onward.until(lambda: summary(onward), lambda told: told["ended"] == 5)
    return "tally"


def summary(onward: Onward, *options: str) -> dict[str, object]:
    found: dict[str, object] = onward.json("analytics", "summary", "--task", "tally", *options)["figures"]
    return found


def test_seed_throughput_counts_what_ended_in_each_hour(onward: Onward, ended: str) -> None:
    hours = onward.json("analytics", "trend", "--task", ended, "--since", "3h")

    assert sum(hour["figures"]["ended"] for hour in hours) == 5
    assert 4 <= len(hours) <= 5


def test_seed_success_rate_leaves_out_what_was_cancelled(onward: Onward, ended: str) -> None:
    told = summary(onward)

    assert (told["completed"], told["failed"], told["cancelled"]) == (3, 1, 1)
    assert told["success_rate"] == 0.75


def test_seed_duration_tells_average_shortest_longest_and_percentiles(onward: Onward, ended: str) -> None:
    shown = onward.run("analytics", "summary", "--task", ended)
    told = onward.rest("GET", f"/analytics/summary?task={ended}")["figures"]["duration"]

    assert all(f"duration {name}" in shown for name in ("avg", "min", "max", "p50", "p95", "p99"))
    assert told["count"] == 4
    assert 0 <= told["min_ms"] <= told["p50_ms"] <= told["p99_ms"] <= told["max_ms"]


def test_seed_queue_wait_is_from_the_submission_to_the_first_claim(onward: Onward, ended: str) -> None:
    told = onward.rest("GET", f"/analytics/breakdown?by=queue&task={ended}")["items"]

    (queue,) = told
    assert queue["name"] == "default"
    assert queue["figures"]["queue_wait"]["count"] == 5
    assert 0 < queue["figures"]["queue_wait"]["avg_ms"] < 60_000


def test_seed_over_time_is_exported_for_a_spreadsheet(onward: Onward, ended: str) -> None:
    days = ("--task", ended, "--since", "60d", "--bucket", "day")
    text = onward.run("analytics", "trend", *days, "--zone", "Europe/Berlin", "--csv")

    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) in {60, 61, 62}
    assert sum(int(line["ended"]) for line in lines) == 5
    assert {"since", "success_rate", "duration_p95_ms", "queue_wait_avg_ms"} <= lines[0].keys()


def test_seed_review_failures_lists_them_by_what_is_the_same_in_them(onward: Onward, ended: str) -> None:
    for seconds in (-2, -3):
        onward.ended(onward.submit("tally", {"seconds": seconds}))
    onward.until(
        lambda: onward.json("errors", "list", "--task", ended), lambda found: found and found[0]["count"] == 3
    )

    (group,) = onward.json("errors", "list", "--task", ended)

    assert group["versions"] == ["2.1"]
    failed = onward.json("execution", "list", "--error", group["fingerprint"])
    assert {one["error"]["fingerprint"] for one in failed} == {group["fingerprint"]}
    assert "3 stand as failed with it" in onward.run("errors", "get", group["fingerprint"])


def test_seed_duration_of_steps_tells_where_the_time_goes(onward: Onward, ended: str) -> None:
    (step,) = onward.json("analytics", "slow-steps", "--task", ended)

    assert (step["step"], step["count"]) == ("add up", 3)
    assert step["p95_ms"] >= 40


def test_seed_right_size_tells_people_and_an_autoscaler_how_many_workers(onward: Onward, ended: str) -> None:
    (queue,) = onward.until(
        lambda: [one for one in onward.json("analytics", "workers") if one["queue"] == "default"],
        lambda found: found and found[0]["workers"],
    )

    assert queue["suggested"] >= 1
    assert queue["why"] in onward.run("analytics", "workers")
