"""A replica that fires schedules, in memory: what it decides, submits, leaves and takes over."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract import inside, subjects
from onward.contract.decide import Moment, submit
from onward.contract.ids import tick_id
from onward.contract.log import Decision
from onward.contract.schedules import ScheduleSpec
from onward.process.loop import MORE
from onward.process.metrics import Metrics
from onward.testing.bus import MemoryBus
from onward_execution_state.scheduling.scheduler import Scheduler
from onward_execution_state.scheduling.submitting import Gateways
from tests.support.ticks import MemoryTicks

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NAMED = ("default", "s")


class Gateway:
    """Submits what it is asked to, or says why not; None: it is not there."""

    def __init__(self, bus):
        self.bus, self.events = bus, bus.process("gateway").events
        self.problem = None
        self.away = False
        self.asked = []

    async def answer(self, subject, data):
        if self.away:
            return msgspec.json.encode(
                inside.Reply(problem=inside.Problem(code="unavailable", status=503, message="away"))
            )
        if self.problem is not None:
            return msgspec.json.encode(inside.Reply(problem=self.problem))
        kind = inside.SubmitAsked if subject.endswith(inside.SUBMIT) else inside.CancelAsked
        asked = msgspec.json.decode(data, type=kind)
        self.asked.append(asked)
        if isinstance(asked, inside.SubmitAsked) and asked.execution_id not in self.submitted()[:-1]:
            await self._store(asked)
        return msgspec.json.encode(inside.Reply(done=inside.Done(execution_id=asked.execution_id)))

    async def _store(self, asked):
        event = submit(
            execution_id=asked.execution_id, project="default", moment=Moment(now=NOON, new_id=self.bus.new_id),
            queue="default", priority=5, run_at=None, task="noop",
        )  # fmt: skip
        await self.events.append(
            Decision(project="default", execution_id=asked.execution_id, expected=0, events=(event,))
        )

    async def end(self, execution_id):
        log = await self.events.read("default", execution_id)
        state = log.execution
        end = ev.Cancelled(
            id=self.bus.new_id(), project="default", execution_id=state.id, n=state.n + 1, at=NOON,
            routes=state.routes,
        )  # fmt: skip
        await self.events.append(
            Decision(project="default", execution_id=state.id, expected=log.sequence, events=(end,))
        )

    def submitted(self):
        return [one.execution_id for one in self.asked if isinstance(one, inside.SubmitAsked)]

    def cancelled(self):
        return [one.execution_id for one in self.asked if isinstance(one, inside.CancelAsked)]


class Installation:
    """Some replicas around one TICKS, and a gateway."""

    def __init__(self):
        self.bus = MemoryBus()
        self.ticks = MemoryTicks()
        self.gateway = Gateway(self.bus)

    async def start(self):
        messages = self.bus.process("gateway").messages
        for name in (inside.SUBMIT, inside.CANCEL):
            await messages.subscribe(subjects.ask(inside.SERVICE, name), self.gateway.answer)

    def replica(self, *specs):
        process = self.bus.process(f"replica-{self.bus.new_id()}")
        replica = Scheduler(self.ticks, process.events, Gateways(process.messages), Metrics())
        for spec in specs:
            replica.hear("default", "schedule", spec.name, msgspec.json.encode(spec), 1)
        return replica

    async def state(self):
        return (await self.ticks.last(*NAMED))[0]

    async def rows(self):
        states = [msgspec.json.decode(raw.data) for raw in self.ticks.raws]
        return [(row["outcome"], row.get("reason")) for state in states for row in state.get("rows", ())]


@pytest.fixture
async def here():
    installation = Installation()
    await installation.start()
    return installation


def spec(**fields):
    return ScheduleSpec(
        **{"name": "s", "uid": "u", "every": 60.0, "since": NOON, "submission": {"task": "noop"}, **fields}
    )


def tick(minutes):
    return tick_id("default", "u", NOON + minutes * MINUTE)


async def rounds(replica, now):
    while await replica.run_once(now) is MORE:
        pass


async def test_replicas_that_look_at_the_same_time_submit_a_tick_once(here):
    replicas = [here.replica(spec()) for _ in range(3)]

    for replica in replicas:
        await replica.run_once(NOON + MINUTE)

    assert here.gateway.submitted() == [tick(1)]
    assert await here.rows() == [("fired", None)]


async def test_what_a_dead_replica_has_decided_and_not_submitted_another_one_submits(here):
    dying, other = here.replica(spec()), here.replica(spec())
    here.gateway.away = True
    await dying.run_once(NOON + MINUTE)
    here.gateway.away = False

    await rounds(other, NOON + MINUTE)
    assert here.gateway.submitted() == []
    await rounds(other, NOON + MINUTE + timedelta(seconds=4))

    assert here.gateway.submitted() == [tick(1)]
    assert (await here.state()).open == ()


async def test_while_no_gateway_answers_ticks_stay_open_and_none_is_lost(here):
    replica = here.replica(spec())
    here.gateway.away = True
    for minutes in (1, 2, 3):
        await rounds(replica, NOON + minutes * MINUTE)
    here.gateway.away = False

    await rounds(replica, NOON + 3 * MINUTE + timedelta(seconds=4))

    assert here.gateway.submitted() == [tick(1), tick(2), tick(3)]


async def test_a_tick_whose_submission_is_refused_is_listed_with_the_reason_and_not_tried_again(here):
    replica = here.replica(spec())
    here.gateway.problem = inside.Problem(code="unknown_task", status=422, message="no such task")

    await rounds(replica, NOON + MINUTE)
    here.gateway.problem = None
    await rounds(replica, NOON + MINUTE + timedelta(seconds=30))

    assert await here.rows() == [("refused", "unknown_task: no such task")]
    assert here.gateway.submitted() == []


async def test_a_template_that_cannot_be_filled_in_is_a_refusal(here):
    replica = here.replica(spec(submission={"task": "noop", "input": "{{nothing}}"}))

    await rounds(replica, NOON + MINUTE)

    ((outcome, reason),) = await here.rows()
    assert (outcome, reason.partition(":")[0]) == ("refused", "invalid_input")


async def test_with_overlap_skip_the_log_says_whether_the_earlier_execution_has_ended(here):
    replica = here.replica(spec(overlap="skip"))
    await rounds(replica, NOON + MINUTE)
    await rounds(replica, NOON + 2 * MINUTE)
    await here.gateway.end(tick(1))
    await rounds(replica, NOON + 3 * MINUTE)

    assert here.gateway.submitted() == [tick(1), tick(3)]
    assert ("skipped", f"execution {tick(1)} has not ended") in await here.rows()


async def test_with_overlap_queue_the_next_one_starts_when_the_earlier_one_has_ended(here):
    replica = here.replica(spec(overlap="queue"))
    await rounds(replica, NOON + MINUTE)
    await rounds(replica, NOON + 2 * MINUTE)
    assert here.gateway.submitted() == [tick(1)]
    await here.gateway.end(tick(1))

    await rounds(replica, NOON + 2 * MINUTE + timedelta(seconds=20))

    assert here.gateway.submitted() == [tick(1), tick(2)]


async def test_with_overlap_replace_the_earlier_one_is_cancelled_first(here):
    replica = here.replica(spec(overlap="replace"))
    await rounds(replica, NOON + MINUTE)
    await rounds(replica, NOON + 2 * MINUTE)

    assert [one.execution_id for one in here.gateway.asked] == [tick(1), tick(1), tick(2)]
    assert here.gateway.cancelled() == [tick(1)]


async def test_a_deleted_schedule_fires_no_more_and_a_broken_one_keeps_no_other_from_firing(here):
    gone, broken, good = spec(name="gone"), spec(name="broken", cron="x", every=None), spec()
    replica = here.replica(gone, broken, good)
    replica.hear("default", "schedule", "gone", None, 2)
    replica.hear("default", "schedule", "unreadable", b"{", 3)

    await rounds(replica, NOON + MINUTE)

    assert here.gateway.submitted() == [tick(1)]
