"""All that one request changes of an execution that lives, as one decision: pure, from its folded state."""

from datetime import datetime

import msgspec

from onward.contract import commands, moving
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.execution import Execution
from onward.contract.lifecycle import fold
from onward.contract.submission import AmendCommand


def amended(
    state: Execution, moment: Moment, command: AmendCommand, run_at: datetime | None
) -> tuple[ev.AnyEvent, ...]:
    """The events of everything that `command` names; `run_at` is its time, read."""
    events: list[ev.AnyEvent] = []
    if command.timeouts is not msgspec.UNSET:
        events += commands.amend(state, moment, command.timeouts.on(state.timeouts))
        state = fold(events, state)
    if command.labels is not msgspec.UNSET:
        relabelled = moving.relabel(state, moment, merged(state.labels, command.labels))
        events += relabelled
        state = fold(relabelled, state)
    queue, priority = command.queue or None, command.priority or None
    if queue or priority or run_at:
        events += moving.move(state, moment, queue=queue, priority=priority, run_at=run_at)
    return tuple(events)


def merged(labels: dict[str, str], changed: dict[str, str | None]) -> dict[str, str]:
    """The labels with these changes; None takes one away."""
    return {name: value for name, value in {**labels, **changed}.items() if value is not None}
