"""Runs a finished execution's code again on what it has saved, and tells what it did otherwise.

It is what happens to an execution whose worker dies right before `completed`: the worker's own engine does it.
"""

from onward.contract import events as ev
from onward.contract.execution import Status
from onward.contract.log import Decision, Log
from onward.testing.bus import MemoryBus
from onward.testing.installation import PROJECT, Installation

WITHIN = 86400.0
"""Virtual seconds in which a replay must have ended."""


class ReplayDiffers(AssertionError):
    """The code takes another way each time it runs."""


async def replayed(original: MemoryBus, twin: Installation, execution_id: str, start: str) -> list[str]:
    """What differs when this completed execution runs again in `twin`, by a worker named `start`."""
    log = Log.of(original.events.read(PROJECT, execution_id, 0, 2**63))
    end = log.stored[-1].event
    before = _take_over(original, twin.bus, log)
    await twin.worker(start, slots=10, queues=(before.execution.queue, "default"), kept=True)
    try:
        await twin.until(execution_id, lambda state: state.ended, WITHIN)
    except TimeoutError:
        return ["it did not come to an end"]
    new = [stored.event for stored in (await twin.log(execution_id)).stored[len(before.stored) :]]
    return [what for event in new for what in _unlike(event, end)]


def _take_over(original: MemoryBus, bus: MemoryBus, log: Log) -> Log:
    """Copies the log but for its end, and all that has ended, into `bus`: a worker that is gone holds it there."""
    bus.objects.update(original.objects)
    bus.sourcing = False
    of = log.execution.id
    for execution_id in original.events.ids(PROJECT):
        stored = original.events.read(PROJECT, execution_id, 0, 2**63)
        if execution_id == of:
            stored = stored[:-1]
        elif not Log.of(stored).execution.ended:
            continue
        last = 0
        for item in stored:
            decision = Decision(
                project=PROJECT, execution_id=execution_id, expected=last, events=(item.event,)
            )
            last = bus.events.append(decision)
    bus.forget_wakes()
    bus.sourcing = True
    before = Log.of(bus.events.read(PROJECT, of, 0, 2**63))
    state = before.execution
    bus.work.last = (state.work_sequence or 1) - 1
    bus.work.put(PROJECT, state.route, of, n=state.ready_by, floor=before.sequence)
    return before


def can_replay(log: Log) -> bool:
    """Whether there is something to replay: it completed, held by a worker to the end."""
    return log.execution.status is Status.COMPLETED and len(log.stored) > 1


def _unlike(event: ev.AnyEvent, end: ev.AnyEvent) -> list[str]:
    match event:
        case ev.CheckpointReached(kind="step") | ev.StepStarted():
            return [f"it called the step {event.name}{event.key}, which it had not called before"]
        case ev.Drifted(kind="unused"):
            return [f"it did not call the saved steps {', '.join(event.steps)}"]
        case ev.Drifted():
            return [f"it called the steps {', '.join(event.steps)} with other arguments"]
        case ev.Slept() | ev.QuestionAsked() | ev.EventAwaited():
            return [f"it waited anew: {event.wait}"]
        case ev.ChildrenSpawned():
            return [f"it started children anew: {event.group}"]
        case ev.Failed() | ev.Cancelled():
            return [f"it ended {ev.event_type(event)}"]
        case ev.Completed() if isinstance(end, ev.Completed) and bytes(event.output) != bytes(end.output):
            return [f"its output was {bytes(event.output)[:80]!r} and not {bytes(end.output)[:80]!r}"]
    return []
