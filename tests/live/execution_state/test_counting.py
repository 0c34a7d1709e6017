"""What is counted, against the same ends added up one by one; and the answers that are made of it."""

import random
from collections import Counter as Tallied
from datetime import datetime, timedelta

import msgspec
import pytest

from onward.contract import commands
from onward.contract import events as ev
from onward_execution_state.analytics.counting import count
from onward_execution_state.analytics.usual import usual
from onward_execution_state.fold import fold, read
from onward_execution_state.overview import Overview
from onward_execution_state.queries import Queries
from onward_execution_state.workers import Workers
from tests.live.execution_state.conftest import SOURCE, until_projected
from tests.live.execution_state.recorded import Recorded
from tests.unit.onward_execution_state.histories import ERROR, START, Walk, interleaved, walks

LATER = START + timedelta(hours=30)


@pytest.fixture
async def counted(database, projector_of):
    """Projects, counts in pages of some size, and gives back a way to ask."""
    connection = await database.writer(durable=False)

    async def source():
        return SOURCE

    queries = Queries(
        database, source, Overview(database, Workers(START), None, None, lambda: LATER), patience_seconds=0.0
    )

    async def prepare(made, *, page=50):
        projector = projector_of(Recorded(interleaved(made)))
        await until_projected(projector)
        await projector.close()
        while await count(connection, page, START):
            pass

        async def ask(name, **asked):
            body = msgspec.json.encode({"project": "default", "until": LATER, **asked})
            return msgspec.json.decode(await queries.answer(f"onward.ask.state.{name}", body))

        return ask

    prepare.connection = connection
    yield prepare
    await connection.close()


def spread(seed, number):
    """Executions over a day, some of which fail, and some of these get another life."""
    rng = random.Random(seed)
    made = []
    for _ in range(number):
        at = START + timedelta(seconds=rng.randrange(86_400))
        walk = Walk(rng, at=at).submit(
            environment=rng.choice(("prod", None)), agent_id=rng.choice(("writer", None)), team_id=None
        )
        walk.at += timedelta(seconds=rng.expovariate(0.1))
        walk.claim()
        walk.at += timedelta(seconds=rng.expovariate(0.02))
        if rng.random() < 0.3:
            walk.append(ev.Failed, reason="error", error=ERROR)
            if rng.random() < 0.5:
                walk._add(*commands.retry(walk.state, walk.moment, fresh=False))
                walk.claim().step("mend").complete()
        elif rng.random() < 0.1:
            walk._add(*commands.cancel(walk.state, walk.moment, None))
            walk.append(ev.Cancelled)
        else:
            walk.step("one").step("two").complete()
        made.append(walk)
    return made


def ends_of(made):
    arrived, _ = read(interleaved(made))
    changed = fold(arrived, dict.fromkeys({walk.state.id for walk in made})).changed
    return [end for known in changed.values() for end in known.ends]


def exact(values, share):
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def assert_told(figures, ends):
    outcomes = Tallied(end.outcome for end in ends)
    assert {name: figures[name] for name in ("completed", "failed", "cancelled")} == {
        name: outcomes[name] for name in ("completed", "failed", "cancelled")
    }
    tried = outcomes["completed"] + outcomes["failed"]
    assert figures["success_rate"] == (
        pytest.approx(outcomes["completed"] / tried, abs=1e-6) if tried else None
    )
    for name, found in (
        ("duration", [end.duration_ms for end in ends if end.outcome != "cancelled"]),
        ("queue_wait", [end.wait_ms for end in ends]),
    ):
        told, values = figures[name], [value for value in found if value is not None]
        assert told["count"] == len(values)
        if values:
            assert told["avg_ms"] == pytest.approx(sum(values) / len(values), rel=1e-6, abs=1e-3)
            assert (told["min_ms"], told["max_ms"]) == pytest.approx((min(values), max(values)), abs=1e-3)
            for share in (50, 95, 99):
                assert told[f"p{share}_ms"] == pytest.approx(
                    exact(values, share / 100), rel=0.0201, abs=0.011
                )


@pytest.fixture(scope="module")
def day():
    return spread(seed=8, number=400)


async def test_seed_trends_show_success_and_duration_of_a_time_against_the_one_before_it(counted, day):
    ask = await counted(day)
    ends, half = ends_of(day), START + timedelta(hours=14, minutes=13)

    told = await ask("analytics_summary", since=half)

    assert_told(told["figures"], [end for end in ends if end.at >= half])
    since = half - (LATER - half)
    assert_told(told["previous"]["figures"], [end for end in ends if since <= end.at < half])


@pytest.mark.parametrize(
    "asked, fits",
    [
        ({"task": "train"}, lambda kind: kind.task == "train"),
        ({"queue": "gpu"}, lambda kind: kind.queue == "gpu"),
        ({"environment": "prod"}, lambda kind: kind.environment == "prod"),
        (
            {"agent_id": "writer", "task": "shell"},
            lambda kind: (kind.agent_id, kind.task) == ("writer", "shell"),
        ),
        ({"team": "none"}, lambda kind: False),
    ],
)
async def test_figures_are_those_of_what_is_asked_for(counted, day, asked, fits):
    ask = await counted(day)

    since = START + timedelta(minutes=37)

    told = await ask("analytics_summary", since=since, **asked)

    assert_told(told["figures"], [end for end in ends_of(day) if end.at >= since and fits(end.kind)])


@pytest.mark.parametrize("zone, bucket", [("UTC", "hour"), ("Europe/Berlin", "day"), ("Asia/Kolkata", "day")])
async def test_seed_throughput_is_told_per_hour_and_per_day_of_a_zone(counted, day, zone, bucket):
    ask = await counted(day)
    ends = ends_of(day)

    told = await ask("analytics_trend", since=START, zone=zone, bucket=bucket)

    assert sum(item["figures"]["ended"] for item in told["items"]) == len(ends)
    for item in told["items"]:
        since, until = (datetime.fromisoformat(item[name]) for name in ("since", "until"))
        assert_told(item["figures"], [end for end in ends if since <= end.at < until])


async def test_each_life_counts_once_whatever_is_repeated_or_counted_in_pages(counted, projector_of):
    made = walks(seed=31, count=80)
    ask = await counted(made, page=7)
    again = projector_of(Recorded(interleaved(made, seed=5)), source=type(SOURCE)("ONWARD_EVENTS", "second"))
    await until_projected(again)
    while await count(counted.connection, 1000, START):
        pass

    told = await ask("analytics_summary", since=START - timedelta(minutes=1))

    assert_told(told["figures"], ends_of(made))


async def test_a_breakdown_adds_up_to_the_whole_and_knows_who_has_no_agent(counted, day):
    ask = await counted(day)
    ends = ends_of(day)

    for by, column in (
        ("task", "task"),
        ("agent_id", "agent_id"),
        ("queue", "queue"),
        ("version", "version"),
    ):
        told = await ask("analytics_breakdown", since=START, by=by)
        assert sum(item["figures"]["ended"] for item in told["items"]) == len(ends)
        for item in told["items"]:
            assert_told(item["figures"], [end for end in ends if getattr(end.kind, column) == item["name"]])


async def test_slow_steps_are_told_by_the_time_they_took_in_sum(counted, day):
    ask = await counted(day)
    saved = Tallied(
        (walk.state.task, e.name) for walk in day for e in walk.events if isinstance(e, ev.CheckpointReached)
    )

    told = await ask("analytics_steps", since=START, limit=100)

    assert {(item["task"], item["step"]): item["count"] for item in told["items"]} == saved
    assert all(item["avg_ms"] == item["p99_ms"] == 1.5 for item in told["items"])
    assert [item["total_ms"] for item in told["items"]] == sorted(
        (item["total_ms"] for item in told["items"]), reverse=True
    )


async def test_seed_review_failures_grouped_by_their_error_with_first_and_last_seen(counted, day):
    ask = await counted(day)
    failed = [end for end in ends_of(day) if end.outcome == "failed"]

    (group,) = (await ask("error_groups", since=START))["items"]

    assert (group["type"], group["message"], group["count"], group["total"]) == (
        "ValueError", "it broke", len(failed), len(failed),
    )  # fmt: skip
    assert datetime.fromisoformat(group["first_seen"]) == min(end.at for end in failed)
    assert datetime.fromisoformat(group["last_seen"]) == max(end.at for end in failed)
    assert group["execution_id"] == max(failed, key=lambda end: end.at).execution_id
    assert group["tasks"] == sorted({end.kind.task for end in failed})
    for name in ("task", "queue"):
        for value in sorted({getattr(end.kind, name) for end in failed}):
            (some,) = (await ask("error_groups", since=START, **{name: value}))["items"]
            assert some["count"] == sum(getattr(end.kind, name) == value for end in failed)
            assert some[f"{name}s"] == [value]
    assert (await ask("error_groups", since=START, version="none"))["items"] == []
    one = await ask("error_group", since=START, fingerprint=group["fingerprint"])
    assert sum(hour["count"] for hour in one["trend"]) == len(failed)
    assert one["open"] == sum(walk.state.status == "failed" for walk in day)
    assert await ask("error_group", fingerprint="0" * 16) is None


async def test_what_is_usual_for_a_task_is_known_once_a_hundred_have_completed(counted, day):
    await counted(day)

    limits = await usual(counted.connection, LATER)

    completed = {}
    for end in ends_of(day):
        if end.outcome == "completed":
            completed.setdefault(("default", end.kind.task), []).append(end.duration_ms)
    enough = {task: values for task, values in completed.items() if len(values) >= 100}
    assert limits.keys() == enough.keys()
    for task, values in enough.items():
        assert exact(values, 0.99) <= limits[task] <= max(10_000, exact(values, 0.99) * 1.05)


@pytest.mark.parametrize(
    "wrong",
    [{"zone": "Mars/Base"}, {"since": LATER.isoformat()}, {"bucket": "minute", "since": START.isoformat()}],
)
async def test_what_cannot_be_answered_is_refused(counted, wrong):
    ask = await counted([])

    assert (await ask("analytics_trend", **wrong))["problem"]["code"] == "invalid_parameter"


async def test_nothing_is_an_answer_too(counted):
    ask = await counted([])

    told = await ask("analytics_summary")

    assert (told["figures"]["ended"], told["figures"]["success_rate"]) == (0, None)
