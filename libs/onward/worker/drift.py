"""Code that changes under an execution: steps called with other arguments, and saved ones that nobody calls."""

from collections.abc import Callable

from onward.contract import events as ev
from onward.contract.lifecycle.changes import step_id
from onward.contract.log import Identity
from onward.tasks.outcome import Interrupted
from onward.tasks.policy import StepPolicy
from onward.worker.around import StepTry
from onward.worker.course import Course

MAX_NAMED = 100
"""Steps that one event names."""

Note = Callable[[str], None]


class Drift:
    """Compares what an attempt calls with what is saved; nothing that does not fit ever raises."""

    def __init__(
        self, course: Course, saved: dict[Identity, ev.CheckpointReached], on_drift: str, note: Note
    ) -> None:
        self._course, self._on_drift, self._note = course, on_drift, note
        self._saved = [point for point in saved.values() if point.kind == "step" and not point.edited]
        self._called: set[Identity] = set()
        self._told = {
            step
            for stored in course.hold.log.stored
            if isinstance(stored.event, ev.Drifted) and stored.event.attempt == course.attempt
            for step in stored.event.steps
        }

    def called(self, this: StepTry) -> None:
        """The code has called this step."""
        self._called.add((this.scope, this.name, this.key))

    async def fits(
        self, this: StepTry, saved: ev.CheckpointReached, arguments: str | None, policy: StepPolicy
    ) -> bool:
        """Whether a saved result is used; told once for each step and attempt where its arguments were others."""
        if saved.arguments is None or arguments is None or saved.arguments == arguments:
            return True
        does = policy.on_drift or self._on_drift
        if (step := step_id(this)) not in self._told:
            self._told.add(step)
            self._note(f"step {_shown(this)} was saved with other arguments: {_MEANS[does]}")
            await self._course.append(
                ev.Drifted, attempt=self._course.attempt, kind="arguments", steps=(step,), policy=does
            )
        if does == "hold":
            message = f"step {_shown(this)} is called with other arguments than it was saved with"
            self._course.end_with("hold", ev.Failure(type="drifted", message=message, retryable=False))
            raise Interrupted("hold")
        return does != "rerun"

    def unused(self) -> tuple[str, ...]:
        """The steps that are saved and that this attempt did not call, nor a step around them."""
        around = tuple(f"{scope}/{name}{key}" for scope, name, key in self._called)
        left = [
            point
            for point in self._saved
            if (point.scope, point.name, point.key) not in self._called
            and not any(point.scope == scope or point.scope.startswith(f"{scope}/") for scope in around)
        ]
        if left:
            shown = ", ".join(_shown(point) for point in left[:MAX_NAMED])
            self._note(f"saved steps that the code no longer calls: {shown}")
        return tuple(step_id(point) for point in left[:MAX_NAMED])


_MEANS = {
    "warn": "the saved result is used",
    "rerun": "it runs again",
    "hold": "the execution is held for repair",
}


def _shown(step: StepTry | ev.CheckpointReached) -> str:
    return f"{step.scope}/{step.name}{step.key}".lstrip("/")
