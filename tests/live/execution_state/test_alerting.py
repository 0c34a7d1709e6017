"""Alert rules over real rows: each condition opens and resolves an incident, and a restart forgets nothing."""

import random
from datetime import timedelta

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract.alerts import AlertSpec, ChannelSpec
from onward.process.metrics import Metrics
from onward_execution_state.alerting.answers import AlertAnswers
from onward_execution_state.alerting.evaluating import Evaluating
from onward_execution_state.alerting.known import KnownAlerts
from onward_execution_state.alerting.subscribing import Subscribing
from onward_execution_state.leader import Leader
from tests.live.execution_state.conftest import SOURCE, until_projected
from tests.live.execution_state.recorded import Recorded
from tests.unit.onward_execution_state.histories import ERROR, START, Walk, interleaved

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


async def source():
    return SOURCE


class Watchman:
    """execution_state's alerts over tables that a test fills; `restart` keeps nothing but Postgres."""

    def __init__(self, database, projector_of):
        self.database, self.log = database, Recorded()
        self.projector = projector_of(self.log)
        self.listening = {}
        self.now = START - HOUR
        self.known = KnownAlerts()
        self.start()

    def start(self):
        self.leader = Leader(self.database, "alerting")
        self.evaluating = Evaluating(
            self.known, leader=self.leader, source=source, last_sequence=self.last, metrics=Metrics(),
            listening=lambda _project, queue, _now: self.listening.get(queue, 0),
        )  # fmt: skip
        self.subscribing = Subscribing(self.known, leader=self.leader, events=self.log, source=source)
        self.answers = AlertAnswers(self.database, self.known, lambda: None).all()

    async def restart(self):
        await self.leader.close()
        self.start()
        await self.look()

    async def last(self):
        return self.log.raws[-1].sequence if self.log.raws else 0

    async def rule(self, when, **members):
        spec = AlertSpec(**{"name": "rule", "when": when, "channels": ("ops",), "settle": 60, **members})
        self.known.hear("default", "alert", spec.name, msgspec.json.encode(spec), 1)
        channel = ChannelSpec(name="ops", kind="webhook", url="https://example.com")
        self.known.hear("default", "channel", "ops", msgspec.json.encode(channel), 1)
        await self.look()
        await self.look()

    async def happened(self, *walks):
        first = await self.last() + 1
        self.log.raws += interleaved(list(walks), first=first)
        await until_projected(self.projector)

    async def look(self, at=None):
        self.now = at or self.now + SECOND
        await self.evaluating.run_once(self.now)

    async def incidents(self, **asked):
        question = {"project": "default", **asked}
        return (await self.answers["incidents"](msgspec.json.encode(question)))["items"]

    async def told(self):
        """The types of what is queued for the channel, oldest first."""
        question = msgspec.json.encode({"project": "default", "of": "ops"})
        return [one["type"] for one in (await self.answers["deliveries"](question))["items"]][::-1]


@pytest.fixture
async def watchman(database, projector_of):
    connection = await database.writer(durable=True)
    await connection.execute("truncate schedule_ticks")
    await connection.close()
    made = Watchman(database, projector_of)
    yield made
    await made.leader.close()


def run(seed, *, at=START, **submitted):
    return Walk(random.Random(seed), at=at).submit(**{"task": "report", "queue": "gpu", **submitted})


def failed(seed, **how):
    return run(seed, **how).claim().append(ev.Failed, reason="error", error=ERROR)


async def test_seed_alerts_a_failure_opens_an_incident_once_and_more_of_the_same_add_to_it(watchman):
    await watchman.rule("execution_failed", severity="critical")
    await watchman.happened(failed(1), failed(2), run(3).claim().complete())
    await watchman.look(START + 5 * SECOND)
    await watchman.happened(failed(4))
    await watchman.look()
    (incident,) = await watchman.incidents()
    assert (incident["alert"], incident["severity"], incident["count"]) == ("rule", "critical", 3)
    assert "it broke" in incident["detail"]
    assert await watchman.told() == ["incident.opened"]


async def test_an_incident_of_failures_is_resolved_once_the_window_and_a_while_have_passed(watchman):
    await watchman.rule("execution_failed", window=300)
    await watchman.happened(failed(1))
    for seconds in (5, 299, 310, 350):
        await watchman.look(START + seconds * SECOND)
    assert (await watchman.incidents())[0]["resolved_at"] is None
    await watchman.look(START + 420 * SECOND)
    assert (await watchman.incidents())[0]["resolved_at"] is not None
    assert await watchman.told() == ["incident.opened", "incident.resolved"]


@pytest.mark.parametrize(
    "filters, opened",
    [({"task": "report"}, 1), ({"task": "train"}, 0), ({"queue": "mail"}, 0), ({"label": "team=red"}, 1),
     ({"label": "team=blue"}, 0), ({"fingerprint": "0" * 16}, 0), ({"agent_id": "ann"}, 0)],
)  # fmt: skip
async def test_a_rule_looks_at_what_it_filters_for(watchman, filters, opened):
    await watchman.rule("execution_failed", **filters)
    await watchman.happened(failed(1, labels={"team": "red"}))
    await watchman.look(START + 5 * SECOND)
    assert len(await watchman.incidents()) == opened


async def test_seed_alerts_a_rate_counts_from_its_minimum_on(watchman):
    await watchman.rule("failure_rate", above=0.5, at_least=4)
    await watchman.happened(failed(1), failed(2), run(3).claim().complete())
    await watchman.look(START + 5 * SECOND)
    assert await watchman.incidents() == []
    await watchman.happened(failed(4))
    await watchman.look()
    assert (await watchman.incidents())[0]["detail"] == "3 of 4 failed (75%)"


async def test_seed_alerts_what_waits_too_long_opens_an_incident_per_queue_until_it_starts(watchman):
    await watchman.rule("queue_wait", above=60)
    walks = [run(1), run(2, queue="mail", at=START + 50 * SECOND)]
    await watchman.happened(*walks)
    await watchman.look(START + 61 * SECOND)
    assert [one["key"] for one in await watchman.incidents()] == ["gpu"]
    claimed = walks[0].claim().events[1:]
    walks[0].events[:] = claimed
    await watchman.happened(walks[0])
    await watchman.look()
    await watchman.look(START + 125 * SECOND)
    assert {one["key"]: one["resolved_at"] is None for one in await watchman.incidents()} == {
        "gpu": False,
        "mail": True,
    }


async def test_seed_alerts_work_in_a_queue_that_nobody_takes_from_opens_an_incident(watchman):
    await watchman.rule("no_worker", above=30)
    await watchman.happened(run(1), run(2, queue="mail"))
    watchman.listening = {"mail": 1}
    await watchman.look(START + 31 * SECOND)
    (incident,) = await watchman.incidents()
    assert (incident["key"], incident["detail"]) == ("gpu", "1 wait in gpu, and no worker takes from it")


async def test_seed_alerts_a_question_that_waits_too_long_opens_an_incident(watchman):
    await watchman.rule("question_waiting", above=600)
    walk = run(1).claim()
    await watchman.happened(walk.append(ev.QuestionAsked, wait="q", text="Go on?", to="Ada"))
    await watchman.look(START + 500 * SECOND)
    assert await watchman.incidents() == []
    await watchman.look(START + 700 * SECOND)
    (incident,) = await watchman.incidents()
    assert (incident["key"], "asks Ada" in incident["detail"]) == (walk.state.id, True)


async def test_seed_alerts_a_stalled_execution_opens_an_incident(watchman):
    await watchman.rule("stalled")
    walk = run(1).claim()
    await watchman.happened(walk)
    connection = await watchman.database.writer(durable=True)
    await connection.execute(
        "insert into stalls values ($1::uuid, 'default', 2, 'quiet', $2, $2)", walk.state.id, START
    )
    await connection.close()
    await watchman.look(START + 5 * SECOND)
    (incident,) = await watchman.incidents()
    assert (incident["execution_id"], incident["detail"]) == (walk.state.id, "report is quiet")


async def test_seed_alerts_a_missed_schedule_opens_an_incident(watchman):
    await watchman.rule("schedule_missed", schedule="nightly")
    connection = await watchman.database.writer(durable=True)
    for name in ("nightly", "hourly"):
        await connection.execute(
            "insert into schedule_ticks (project, schedule, uid, tick, cause, outcome, count, decided_at, sequence)"
            " values ('default', $1, 'u', $2, 'time', 'missed', 3, $2, 1)",
            name,
            START,
        )
    await connection.close()
    await watchman.look(START + 5 * SECOND)
    assert [one["key"] for one in await watchman.incidents()] == ["nightly"]


async def test_a_restart_tells_nothing_twice_and_misses_nothing_that_happened_meanwhile(watchman):
    await watchman.rule("execution_failed", per="execution")
    await watchman.happened(failed(1))
    await watchman.look(START + 5 * SECOND)
    await watchman.leader.close()
    await watchman.happened(failed(2))
    await watchman.restart()
    await watchman.look()
    assert len(await watchman.incidents(open=True)) == 2
    assert await watchman.told() == ["incident.opened"] * 2


async def test_what_failed_before_a_rule_was_made_is_none_of_its_business(watchman):
    watchman.now = START + 60 * SECOND
    await watchman.happened(failed(1))
    await watchman.rule("execution_failed")
    await watchman.look()
    assert await watchman.incidents() == []


async def test_a_muted_alert_keeps_its_incidents_and_tells_nobody(watchman):
    await watchman.rule("execution_failed", muted_until=START + HOUR)
    await watchman.happened(failed(1))
    await watchman.look(START + 5 * SECOND)
    assert [one["muted"] for one in await watchman.incidents()] == [True]
    assert await watchman.told() == []


async def test_rows_that_lag_behind_the_log_are_not_judged(watchman):
    await watchman.rule("queue_wait", above=60)
    walk = run(1)
    await watchman.happened(walk)
    await watchman.look(START + 5 * SECOND)
    walk.events[:] = walk.claim().complete().events[1:]
    watchman.log.raws += interleaved([walk], first=await watchman.last() + 1)
    await watchman.look(START + 59 * SECOND)
    await watchman.look(START + 61 * SECOND)
    assert await watchman.incidents() == []


async def test_the_life_of_executions_is_sent_to_channels_that_subscribe_each_event_once(watchman):
    channel = ChannelSpec(
        name="ops", kind="webhook", url="https://example.com", events=("completed", "failed"), task="report"
    )
    watchman.known.hear("default", "channel", "ops", msgspec.json.encode(channel), 1)
    await watchman.subscribing.run_once(START)
    await watchman.happened(failed(1), run(2).claim().complete(), run(3, task="train").claim().complete())
    for _ in range(3):
        await watchman.subscribing.run_once(START)
    await watchman.restart()
    await watchman.subscribing.run_once(START)
    assert sorted(await watchman.told()) == ["execution.completed", "execution.failed"]
