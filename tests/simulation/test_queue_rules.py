"""PROTOCOL, H4 to H6: where hints come from and go, and what brings lost ones back."""

import asyncio

from msgspec.structs import replace

from onward.contract.decide import meet
from onward.contract.execution import Status
from onward.testing.faults import CALM
from onward.testing.virtual_loop import simulate
from onward.worker import attempt
from tests.simulation.installation import ACK_WAIT, PROJECT, Installation, Setup, broken, said, until
from tests.simulation.scenarios import tasks


def run(main, seed: int = 1):
    return simulate(seed, main)


# H4: claim only if the hint's queue is still the log's


def wrong_queue():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks, queues=("gpu",)), workers=1)
        execution_id = await here.client.submit("steps")
        here.bus.work.put(PROJECT, "gpu.normal", execution_id, n=1, floor=1)
        await asyncio.sleep(60)
        state = here.state(execution_id)
        return None if state.status is Status.PENDING else f"run by a worker of another queue: {state.status}"

    return main


def test_h4_a_hint_in_another_queue_is_not_claimed():
    assert run(wrong_queue()) is None


def test_h4_without_a_look_at_the_queue_it_runs_where_it_must_not(monkeypatch):
    def anywhere(state, hint, owner, moment, *gates):
        """PLANTED: a hint is a hint."""
        return meet(state, replace(hint, route=state.route), owner, moment, *gates)

    monkeypatch.setattr(attempt, "meet", anywhere)
    assert "another queue" in run(wrong_queue())


# H5: while the source is silent, hints are sent directly


def silent_source(*, follower: bool):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks))
        here.bus.sourcing = False

        async def follow() -> None:
            seen = 0
            while True:
                await asyncio.sleep(2.0)
                for log in list(here.logs.values()):
                    for item in log:
                        if item.sequence > seen and item.event.wake and not here.bus.sourcing:
                            here.bus.hint_directly(item)
                seen = here.bus.events.last

        if follower:
            here.client.process.run(follow())
        execution_id = await here.client.submit("asks")
        people = asyncio.ensure_future(here.people())
        here.impatient = False
        await here.settled(45)
        in_time = here.state(execution_id).ended
        here.bus.resume_sourcing()
        await here.settled(200)
        await asyncio.sleep(10)
        people.cancel()
        report = here.report()
        return said(report) or (None if in_time else "nothing moved while the source was silent")

    return main


def test_h5_direct_hints_stand_in_for_a_silent_source_and_doubles_do_no_harm():
    assert broken(silent_source(follower=True), range(10)) == {}


def test_h5_without_direct_hints_everything_waits_for_the_source():
    """PLANTED: nobody gives hints directly."""
    assert "silent" in run(silent_source(follower=False))


# H6: repair after two looks with an unchanged tail, ack_wait apart


class Reconciler:
    """The loop of execution_state in small: whoever is ready or held has a hint in WORK, or gets one."""

    looks, apart = 2, ACK_WAIT

    def __init__(self, here: Installation) -> None:
        self.here = here
        self.repaired: list[str] = []
        self.seen: dict[str, tuple[int, float, int]] = {}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            for execution_id in list(self.here.client.ids):
                self.look(execution_id)

    def look(self, execution_id: str) -> None:
        log, now = self.here.log(execution_id), asyncio.get_running_loop().time()
        hinted = any(m.execution_id == execution_id for m in self.here.bus.work.messages.values())
        if hinted or not log.execution.ready:
            self.seen.pop(execution_id, None)
            return
        tail, since, looks = self.seen.get(execution_id, (log.sequence, now, 0))
        if tail != log.sequence:
            tail, since, looks = log.sequence, now, 0
        self.seen[execution_id] = tail, since, looks + 1
        if looks + 1 >= self.looks and now - since >= self.apart:
            self.repaired.append(execution_id)
            self.here.bus.hint_directly(next(item for item in reversed(log.stored) if item.event.wake))
            del self.seen[execution_id]


class Hasty(Reconciler):
    """PLANTED: repairs at first sight."""

    looks, apart = 1, 0.0


def reconciled(kind, *, loses: bool):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=replace(CALM, lag=5.0, delay=0.05))
        here.impatient = False
        reconciler = kind(here)
        here.client.process.run(reconciler.run())
        ids = [await here.client.submit("steps") for _ in range(4)]
        if loses:
            await until(lambda: any(m.lease is None for m in here.bus.work.messages.values()))
            here.bus.work.messages = {s: m for s, m in here.bus.work.messages.items() if m.lease is not None}
        left = await here.settled(300)
        return left, reconciler.repaired, said(here.report()), ids

    return main


def test_h6_a_lost_hint_is_put_back():
    for seed in range(10):
        left, repaired, wrong, ids = run(reconciled(Reconciler, loses=True), seed)
        assert (left, wrong) == ([], None)
        assert set(repaired) <= set(ids)
        assert repaired


def test_h6_without_a_reconciler_a_lost_hint_is_lost():
    class Idle(Reconciler):
        def look(self, execution_id: str) -> None:
            """PLANTED: looks away."""

    assert any(run(reconciled(Idle, loses=True), seed)[0] for seed in range(10))


def test_h6_where_nothing_is_lost_nothing_is_repaired():
    assert all(run(reconciled(Reconciler, loses=False), seed)[1] == [] for seed in range(10))


def test_h6_one_look_repairs_what_was_never_broken():
    assert any(run(reconciled(Hasty, loses=False), seed)[1] for seed in range(10))
