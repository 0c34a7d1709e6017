"""Functions made steps: called inside an execution, their result is saved under their name."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, ParamSpec, TypeVar, overload

from onward.tasks import context
from onward.tasks.own_process import callable_for
from onward.tasks.policy import StepPolicy

P = ParamSpec("P")
T = TypeVar("T")


class Step(Generic[P, T]):
    """A function whose result is saved under its name: called inside an execution, it runs once."""

    def __init__(self, fn: Callable[P, Any], name: str, policy: StepPolicy, *, process: bool = False) -> None:
        self.fn, self.name, self.policy = fn, name, policy
        self.call = callable_for(fn, f"step {name}", process=process)
        self.__doc__, self.__wrapped__ = fn.__doc__, fn

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """The result, saved or computed; the call's place among its namesakes is its key."""
        return self.keyed(None, *args, **kwargs)

    def keyed(self, key: str | None, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """The call, saved under (name, key): for loops over data, `keyed(item.id, item)`."""
        return context.call_step(self.name, self.call, args, kwargs, key=key, policy=self.policy)

    def sync(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """The call from within a `def` task."""
        return context.sync(self(*args, **kwargs))


class StepDecorator:
    """Only for the type checker: what `step(...)` with options returns."""

    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, T]], /) -> Step[P, T]: ...
    @overload
    def __call__(self, fn: Callable[P, T], /) -> Step[P, T]: ...
    def __call__(self, fn: Any, /) -> Any:
        """The function, made a step."""


class UndoableStepDecorator(Generic[T]):
    """The same, where the result has to be what the undo takes."""

    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, T]], /) -> Step[P, T]: ...
    @overload
    def __call__(self, fn: Callable[P, T], /) -> Step[P, T]: ...
    def __call__(self, fn: Any, /) -> Any:
        """The function, made a step."""
