import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from onward.bus import fenced
from onward.bus.api import call
from onward.bus.deadlines import end_overdue
from onward.bus.hint_body import hint_of
from onward.contract import events as ev
from onward.contract import subjects
from onward.process.metrics import Metrics
from onward_execution_state.leader import Leader
from onward_execution_state.maintenance.reconcile import Reconciler, ReconcileSettings
from onward_execution_state.maintenance.repair import Repairer, need_of
from onward_execution_state.overview import Overview
from onward_execution_state.queries import Queries
from onward_execution_state.workers import Workers
from tests.live.execution_state.conftest import until_projected
from tests.live.execution_state.making import append, hint_subject, until
from tests.unit.onward_execution_state.histories import Walk
from tests.unit.onward_execution_state.test_workers import beat

ACK_WAIT = timedelta(seconds=20)
LONG_AGO = timedelta(hours=1)


class World:
    """A reconciler over real servers; time is what the test says."""

    def __init__(self, bus, database, projector):
        self.now = datetime.now(UTC)
        self.bus, self.database, self.projector = bus, database, projector
        self.workers = Workers(self.now - LONG_AGO)
        self.metrics = Metrics()
        self.leader = Leader(database, "reconciling")
        self.reconciler = self.another()

    def another(self):
        repairer = Repairer(
            self.bus.connection, events=self.bus.events, messages=self.bus.messages, workers=self.workers,
            new_id=lambda: "repair", ack_wait=ACK_WAIT,
        )  # fmt: skip
        return Reconciler(
            ReconcileSettings(ack_wait=ACK_WAIT), leader=self.leader, repairer=repairer, events=self.bus.events,
            metrics=self.metrics,
        )  # fmt: skip

    async def stored(self, walk, **how):
        sequence = await append(self.bus, walk, **how)
        await until_projected(self.projector)
        return sequence

    async def look(self, after=timedelta(0)):
        self.now += after
        return await self.reconciler.run_once(self.now)

    async def repairs(self):
        return [row["kind"] for row in await self.database.ask("select kind from repairs order by id")]

    async def ask(self, name):
        async def facts():
            return {}

        overview = Overview(self.database, self.workers, None, facts, lambda: self.now)
        reply = await Queries(self.database, None, overview).answer(f"onward.ask.state.{name}", b"{}")
        return json.loads(reply)

    async def lose_hint(self, walk):
        await until(lambda: fenced.last(self.bus.connection, subjects.WORK, hint_subject(walk)))
        await call(self.bus.connection, f"STREAM.PURGE.{subjects.WORK}")

    async def hinted(self, walk):
        return await fenced.last(self.bus.connection, subjects.WORK, hint_subject(walk)) is not None


@pytest.fixture
async def world(bus, database, projector_of):
    made = World(bus, database, projector_of(bus.events))
    yield made
    await made.leader.close()


def walk(seed=1):
    return Walk(random.Random(seed), at=datetime.now(UTC) - LONG_AGO)


async def test_h6_a_lost_hint_is_put_back_after_two_looks(world):
    made = walk().submit()
    await world.stored(made)
    await world.lose_hint(made)

    assert (await world.look()).suspected == 1
    assert (await world.look(ACK_WAIT / 2)).repaired == 0
    assert not await world.hinted(made)
    assert (await world.look(ACK_WAIT / 2)).repaired == 1

    assert await world.hinted(made)
    assert await world.repairs() == ["hint_again"]
    assert 'onward_repairs_total{kind="hint_again"} 1' in world.metrics.render()
    (shown,) = await world.ask("repairs")
    assert (shown["kind"], shown["execution_id"]) == ("hint_again", made.state.id)
    assert (await world.ask("metrics"))["repairs"] == {"hint_again": 1}
    assert (await world.look(ACK_WAIT)).suspected == 0


async def test_h6_what_moved_between_two_looks_is_looked_at_anew(world):
    made = walk().submit()
    sequence = await world.stored(made)
    await world.lose_hint(made)
    assert (await world.look()).suspected == 1

    made.claim("wk-1").append(ev.Released, wake=True, attempt=1, worker_id="wk-1")
    await world.stored(made, done=1, expected=sequence)
    await world.lose_hint(made)

    assert (await world.look(ACK_WAIT)).repaired == 0
    assert (await world.look(ACK_WAIT)).repaired == 1


async def test_h6_a_hint_that_is_there_is_left_alone(world):
    made = walk().submit()
    await world.stored(made)
    await until(lambda: fenced.last(world.bus.connection, subjects.WORK, hint_subject(made)))

    await world.look()
    assert (await world.look(ACK_WAIT)).repaired == 0
    assert await world.repairs() == []


async def test_h6_the_execution_of_a_worker_that_is_gone_with_its_hint_is_recovered(world):
    made = walk().submit().claim("wk-gone")
    await world.stored(made)
    await world.lose_hint(made)

    await world.look()
    await world.look(ACK_WAIT)

    found = await world.bus.events.read("default", made.state.id)
    assert (found.execution.reason, found.execution.worker_id) == ("recovering", None)
    assert await world.repairs() == ["owner_lost"]


async def test_h6_the_execution_of_a_worker_that_is_heard_is_left_alone(world):
    made = walk().submit().claim("wk-1")
    await world.stored(made)
    await world.lose_hint(made)
    await world.look()

    world.workers.hear(beat("wk-1", holds={made.state.id: "x"}), world.now + ACK_WAIT)
    await world.look(ACK_WAIT)

    assert await world.repairs() == []


@pytest.mark.parametrize("holds", [True, False])
async def test_h6_a_worker_that_lives_is_asked_before_its_execution_is_recovered(world, holds):
    made = walk().submit().claim("wk-1")
    await world.stored(made)
    await world.lose_hint(made)

    async def answer(_subject, data):
        assert json.loads(data) == {"execution_id": made.state.id}
        return json.dumps({"holds": holds}).encode()

    await world.bus.messages.subscribe(subjects.owner("wk-1"), answer)
    await world.look()
    world.workers.hear(beat("wk-1"), world.now + ACK_WAIT)
    await world.look(ACK_WAIT)

    assert await world.repairs() == ([] if holds else ["owner_lost"])


async def test_h6_a_timer_that_never_fired_is_set_again(world):
    made = walk().submit().claim().suspend(seconds=5)
    await world.stored(made)
    await world.lose_hint(made)

    await world.look()
    await world.look(ACK_WAIT)

    assert await world.repairs() == ["timer_again"]
    await until(lambda: world.hinted(made))


async def test_h6_a_deadline_that_never_fired_is_set_again(world):
    made = walk().submit(timeouts=ev.TimeoutPolicy(queue=60.0))
    await world.stored(made)
    fired = subjects.hint("default", f"{subjects.DEADLINES}.queue", made.state.id)

    await world.look()
    await world.look(ACK_WAIT)

    assert await world.repairs() == ["deadline_again"]
    raw = await until(lambda: fenced.last(world.bus.connection, subjects.WORK, fired))
    hint = hint_of(fired, f"$JS.ACK.WORK.deadlines.1.{raw.sequence}.1.0.0", b"", raw.data)
    assert await end_overdue(world.bus.events, hint, lambda: made.moment)
    found = await world.bus.events.read("default", made.state.id)
    assert (found.execution.status, found.execution.reason) == ("failed", "timed_out")


async def test_h6_a_deadline_that_is_to_come_needs_nothing(world):
    made = walk().submit(timeouts=ev.TimeoutPolicy(execution=7200.0))
    await world.stored(made)
    await until(lambda: fenced.last(world.bus.connection, subjects.WORK, hint_subject(made)))

    await world.look()
    await world.look(ACK_WAIT)

    assert await world.repairs() == []


async def test_h6_one_that_sleeps_or_waits_for_a_person_needs_nothing(world):
    sleeping, asking = walk(1).submit().claim().suspend(seconds=7200), walk(2).submit().claim()
    asking.append(ev.QuestionAsked, wait="q", text="well?").append(ev.Suspended, reason="waiting_for_input")
    for made in (sleeping, asking):
        await world.stored(made)
        await world.lose_hint(made)

    await world.look()
    await world.look(ACK_WAIT)

    assert await world.repairs() == []


async def test_h6_a_row_that_is_behind_its_log_repairs_nothing(world):
    made = walk().submit()
    sequence = await world.stored(made)
    await world.lose_hint(made)
    await world.look()
    await append(world.bus, made.claim("wk-gone"), done=1, expected=sequence)

    assert (await world.look(ACK_WAIT)).repaired == 0
    assert await world.repairs() == []


async def test_one_replica_reconciles(world):
    second = Leader(world.database, "reconciling")
    assert await world.leader.connection(world.now)

    assert await second.connection(world.now) is None

    await world.leader.close()
    assert await second.connection(world.now)
    await second.close()


@pytest.mark.parametrize("delayed", [False, True])
async def test_what_is_paused_is_left_alone(world, delayed):
    made = walk().submit(delayed=delayed).pause()
    await world.stored(made)
    await call(world.bus.connection, f"STREAM.PURGE.{subjects.WORK}")

    looks = [await world.look(ACK_WAIT) for _ in range(4)]

    assert [(look.looked_at, look.suspected) for look in looks] == [(0, 0)] * 4
    assert await world.repairs() == []
    assert need_of(made.state) is None
