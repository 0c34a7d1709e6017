"""The checker is shown to fail: each planted fault is found, and by the name of the promise it breaks."""

import asyncio

from msgspec.structs import replace

from onward.contract import events as ev
from onward.contract.log import Decision
from onward.testing.event_log import EventStream
from onward.testing.faults import CALM, ROUGH
from onward.testing.virtual_loop import simulate
from tests.simulation.installation import Installation, Setup
from tests.simulation.scenarios import tasks
from tests.simulation.test_append_rules import Unfenced
from tests.simulation.test_projection_rules import batches, unguarded

SEEDS = range(20)


def found(scenario) -> set[str]:
    """The invariants that were broken in any of the runs."""
    return set().union(*(simulate(seed, scenario).broken for seed in SEEDS))


def day(setup: Setup | None = None, *, names=("steps", "long", "flaky"), faults=ROUGH, **parts):
    async def main(random):
        here = Installation(
            random, setup or Setup(tasks=tasks), faults=faults, **{k: v() for k, v in parts.items()}
        )
        return await here.day(random.choice(names) for _ in range(5))

    return main


def test_without_a_fault_nothing_is_found():
    assert found(day(events=EventStream)) == set()


def test_no_fence_is_found():
    assert found(day(events=Unfenced)) & {"I2", "I4", "I5"}


class SavesLater:
    """PLANTED: says that a checkpoint is stored while it is only in memory; it is stored with whatever comes next."""

    def __init__(self, inner) -> None:
        self.inner, self.read, self.scan = inner, inner.read, inner.scan
        self.pending: dict[str, Decision] = {}

    async def read_on(self, log, *, floor=0):
        self.pending.pop(log.execution.id, None)
        return await self.inner.read(log.execution.project, log.execution.id, floor=floor)

    async def append(self, decision: Decision) -> int:
        before = self.pending.pop(decision.execution_id, None)
        if before is not None:
            decision = replace(decision, expected=before.expected, events=(*before.events, *decision.events))
        if isinstance(decision.events[-1], ev.CheckpointReached):
            self.pending[decision.execution_id] = decision
            return decision.expected + len(decision.events)
        return await self.inner.append(decision)


def test_an_acknowledgment_before_the_checkpoint_is_found():
    assert "I3" in found(day(Setup(tasks=tasks, sees=SavesLater), names=("long",)))


def acks_first():
    """PLANTED: the hint is acked when the execution is claimed, not when its outcome is stored."""

    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=CALM)
        here.impatient = False

        def heard(item) -> None:
            if isinstance(item.event, ev.Started):
                here.bus.work.ack(item.event.ack_subject)

        here.bus.events.listeners.append(heard)
        return await here.day(["long", "steps", "steps"], wear=40)

    return main


def test_an_ack_before_the_outcome_is_found():
    assert "I1" in found(acks_first())


def test_a_projection_without_a_guard_by_version_is_found():
    from tests.simulation.test_projection_rules import Tables

    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
        await here.day((random.choice(["steps", "flaky"]) for _ in range(4)), wear=20)
        tables = Tables(here, unguarded)
        for batch in batches(here.archive, random, shuffled=True):
            tables.write(batch)
        for execution_id in here.logs:
            tables.show(execution_id, final=True)
        return here.report()

    assert "I5" in found(main)


def test_an_acceptance_before_anything_is_stored_is_found():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
        here.impatient = False

        async def hopeful(decision: Decision) -> int:
            """PLANTED: 202 first, the append may fail later."""
            here.client.process.run(plain(decision))
            return 1

        plain = here.client.process.events.append
        here.client.process.events.append = hopeful
        for _ in range(5):
            await here.client.submit("steps")
        here.client.process.kill()
        here.client.ids.clear()
        await asyncio.sleep(30)
        return here.report()

    assert "I1" in found(main)
