"""Another queue, priority or time for an execution that lives: pure, from its folded state.

What waits moves at once; what a worker holds goes on, and its next wait is in the new place.
"""

from datetime import datetime
from typing import Any

from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.decide import Moment, deadlines, envelope
from onward.contract.errors import AlreadyEnded, Conflict
from onward.contract.execution import Execution, Status
from onward.contract.lifecycle.moving import may_wait_for_a_time


def move(
    state: Execution,
    moment: Moment,
    *,
    queue: str | None = None,
    priority: int | None = None,
    run_at: datetime | None = None,
) -> tuple[ev.AnyEvent, ...]:
    """Into another queue or class, or to another time; empty: it is there already. A `run_at` that is over is now."""
    check_lives(state)
    asked = queue or state.queue, priority or state.priority
    route = _route(state, *asked)
    due, now, limits = state.due, False, {}
    if run_at is not None:
        if not may_wait_for_a_time(state):
            raise Conflict(
                f"execution {state.id} does not wait for a time to begin: it is {state.reason or state.status}",
                fix="what has not begun, or waits for its next attempt, can be given another time",
            )
        due, now = (run_at, False) if run_at > moment.now else (None, state.due is not None)
        if state.status is Status.PENDING and (now or due != state.due):
            limits = deadlines(state.timeouts, due or moment.now)
    if asked == (state.queue, state.priority) and due == state.due and not now:
        return ()
    moved = ev.Moved(**_placed(state, moment, route, due, limits), queue=asked[0], priority=asked[1], now=now)
    stands = not state.held and not state.paused and (now or (state.ready and due is None))
    if not stands or (route == state.route and not now):
        return (moved,)
    wake = {**envelope(state, moment, ahead=2), "routes": moved.routes, "wake": route}
    return (moved, ev.Queued(**wake))


def relabel(state: Execution, moment: Moment, labels: dict[str, str]) -> tuple[ev.AnyEvent, ...]:
    """Other labels; empty: they are as they were."""
    check_lives(state)
    if labels == state.labels:
        return ()
    fields = {**envelope(state, moment), "deadlines": state.deadlines}
    return (ev.Amended(**fields, timeouts=state.timeouts, labels=labels),)


def check_lives(state: Execution) -> None:
    """Raises AlreadyEnded for what has ended, or is about to."""
    if state.ended or state.cancelling or state.ending is not None:
        raise AlreadyEnded(
            f"execution {state.id} is {'cancelling' if state.cancelling else state.reason or state.status}"
        )


def _route(state: Execution, queue: str, priority: int) -> str:
    place = state.route.partition(".")[0]
    # What waits for its limits stays in their line, and comes to its queue from there.
    return subjects.route(queue if place == state.queue else place, priority)


def _placed(
    state: Execution, moment: Moment, route: str, due: datetime | None, limits: dict[str, datetime]
) -> dict[str, Any]:  # fmt: skip
    routes = (*(known for known in state.routes if known != route), route)
    return {**envelope(state, moment), "routes": routes, "due": due, "deadlines": limits}
