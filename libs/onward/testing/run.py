"""One execution in a Lab, as a test sees it."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import msgspec

from onward.contract.execution import Execution, Status
from onward.tasks import codec

if TYPE_CHECKING:
    from onward.contract.events import AnyEvent, Failure

T = TypeVar("T")


class Ended(Exception):
    """The execution has ended, and not as was waited for."""

    def __init__(self, run_id: str, state: Execution) -> None:
        error = state.error
        what = f": {error.type}: {error.message}" if error else ""
        super().__init__(f"execution {run_id} of {state.task} {state.status} ({state.reason}){what}")
        self.status: Status = state.status
        self.reason = state.reason
        self.error: Failure | None = error
        if error is not None and error.stack:
            self.add_note(error.stack)


class Stuck(Exception):
    """Nothing is left that could move the execution on, except what the test does."""


class Place(Protocol):
    """What a run asks of the place it runs in: a Lab, or a live installation."""

    def state_of(self, execution_id: str) -> Execution:
        """The execution as it is now."""
        ...

    def events_of(self, execution_id: str) -> "list[AnyEvent]":
        """All that happened to it."""
        ...

    def lines_of(self, execution_id: str) -> list[str]:
        """The text of its log lines."""
        ...

    def until(self, execution_id: str, is_so: Any, within: float | None) -> Awaitable[Execution]:
        """The execution once `is_so(state)`."""
        ...

    async def whole(self, execution_id: str, raw: msgspec.Raw) -> msgspec.Raw:
        """A value that may be kept in the object store."""
        ...


class Run(Generic[T]):
    """An execution that a test started. `await run.result()` gives what its task returns, or raises Ended."""

    def __init__(self, place: Place, execution_id: str, returns: Any = Any) -> None:
        self.id = execution_id
        self._place, self._returns = place, returns

    def __repr__(self) -> str:
        return f"<Run {self.id}>"

    async def result(self, within: float | None = None) -> T:
        """What the task returned. Raises Ended where it failed or was cancelled, Stuck where it waits for the test."""
        state = await self._place.until(self.id, lambda state: state.ended, within)
        if state.status is not Status.COMPLETED:
            raise Ended(self.id, state)
        raw = await self._place.whole(self.id, state.output or msgspec.Raw(b"null"))
        return cast(T, codec.decode(raw, codec.usable(self._returns)))

    async def ended(self, within: float | None = None) -> Execution:
        """Its state once the outcome stands, whatever that is."""
        return await self._place.until(self.id, lambda state: state.ended, within)

    async def reaches(self, reason: str, within: float | None = None) -> Execution:
        """Its state once it is so, as `waiting_for_input`, `sleeping` or `completed`. Raises Ended where it is not."""

        def is_so(state: Execution) -> bool:
            return reason in (state.reason, state.status.value)

        state = await self._place.until(self.id, lambda state: state.ended or is_so(state), within)
        if not is_so(state):
            raise Ended(self.id, state)
        return state

    @property
    def state(self) -> Execution:
        """Everything that is known of it now."""
        return self._place.state_of(self.id)

    @property
    def status(self) -> str:
        """pending, running, completed, failed or cancelled."""
        return self.state.status.value

    @property
    def reason(self) -> str | None:
        """Why it has that status."""
        return self.state.reason

    @property
    def events(self) -> "list[AnyEvent]":
        """All that happened to it, in order."""
        return self._place.events_of(self.id)

    @property
    def steps(self) -> list[str]:
        """The names of its finished steps, in the order in which they finished."""
        from onward.contract.events import CheckpointReached  # noqa: PLC0415 - once a test asks

        return [e.name for e in self.events if isinstance(e, CheckpointReached) and e.kind == "step"]

    @property
    def logs(self) -> list[str]:
        """The text of its log lines."""
        return self._place.lines_of(self.id)

    @property
    def questions(self) -> list[str]:
        """The texts of its open questions."""
        waits = self.state.waits.values()
        return [wait.text or "" for wait in waits if wait.kind == "question" and not wait.done]
