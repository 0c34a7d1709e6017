"""A failed or cancelled execution mended and sent on: pure, from its log."""

from collections.abc import Iterable

from onward.contract import commands
from onward.contract import events as ev
from onward.contract.decide import Moment, envelope
from onward.contract.errors import UnknownStep
from onward.contract.log import Log
from onward.contract.submission import RetryCommand, StepPlace

_NAMED = 20


def repair(log: Log, moment: Moment, asked: RetryCommand) -> tuple[ev.AnyEvent, ...]:
    """Another life as it was asked for, with the results that a person gave. Raises NotRetryable, UnknownStep."""
    state = log.execution
    begun = commands.retry(
        state, moment, fresh=asked.from_start, input=asked.input,
        forget_from=None if asked.from_step is None else forget_from(log, asked.from_step),
    )  # fmt: skip
    # After the new life has begun: what it forgets, it forgets of the time before.
    edits = (
        ev.StepEdited(
            **envelope(state, moment, ahead=len(begun) + place), name=edit.name, scope=edit.scope, key=edit.key,
            result=edit.result,
        )
        for place, edit in enumerate(asked.steps, 1)
    )  # fmt: skip
    return (*begun, *edits)


def forget_from(log: Log, step: StepPlace) -> int:
    """The n of the first event to forget, so that this step runs again, with the steps inside it."""
    saved = [point for point in log.checkpoints().values() if point.kind == "step"]
    found = _the_one(saved, step)
    inside = f"{found.scope}/{found.name}{found.key}"
    return min(p.n for p in saved if p is found or p.scope == inside or p.scope.startswith(f"{inside}/"))


def _the_one(saved: list[ev.CheckpointReached], step: StepPlace) -> ev.CheckpointReached:
    fitting = [
        point
        for point in saved
        if point.name == step.name and step.scope in (None, point.scope) and step.key in (None, point.key)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise UnknownStep(
            f"no result of a step {step.name!r} is saved; saved are: {_names(saved) or 'none'}",
            fix="name one of these; a step without a saved result runs again in any case",
        )
    plain = [
        point for point in fitting if point.scope == (step.scope or "") and point.key == (step.key or "")
    ]
    if not plain:
        raise UnknownStep(
            f"several steps have the name {step.name!r}: {_names(fitting)}", fix="give its scope and its key"
        )
    return plain[0]


def _names(points: Iterable[ev.CheckpointReached]) -> str:
    ordered = sorted(points, key=lambda point: point.n)
    named = [f"{p.scope}/{p.name}{f'[{p.key}]' if p.key else ''}".lstrip("/") for p in ordered]
    return ", ".join(named[:_NAMED]) + (" …" if len(named) > _NAMED else "")
