"""What an author registers: tasks and steps. A registry connects to nothing; a worker takes it along."""

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from copy import copy
from typing import Any, Generic, Literal, ParamSpec, TypeVar, cast, get_type_hints, overload

import msgspec

from onward.contract.events import Timeouts
from onward.contract.ids import check_name
from onward.contract.limit import LimitPolicy
from onward.contract.retention import CLASSES, RetentionClass
from onward.contract.retry import ONCE, Retry
from onward.contract.submission import TaskSpec
from onward.tasks import codec, family
from onward.tasks.children import Order
from onward.tasks.outcome import ChildFailed
from onward.tasks.own_process import callable_for
from onward.tasks.policy import OnDrift, OnExhausted, StepPolicy
from onward.tasks.steps import Step, StepDecorator, UndoableStepDecorator

P = ParamSpec("P")
T = TypeVar("T")


class Task(Generic[P, T]):
    """A function that executions run, under a name. A plain call just runs the function."""

    def __init__(
        self, fn: Callable[P, Any], spec: TaskSpec, takes: "Takes", *, process: bool = False
    ) -> None:
        self.fn, self.spec, self.takes = fn, spec, takes
        self.call = callable_for(fn, f"task {spec.name}", process=process)
        self.name = spec.name
        self.on_drift: OnDrift = "warn"
        self.__doc__, self.__wrapped__ = fn.__doc__, fn
        self._order = Order(
            task=spec.name, queue=spec.queue, priority=spec.priority, retry=spec.retry, timeouts=spec.timeouts,
            on_exhausted=spec.on_exhausted,
        )  # fmt: skip
        self._key: str | None = None

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Just run the function, here and now."""
        result = self.fn(*args, **kwargs)
        return cast(T, await result if inspect.isawaitable(result) else result)

    def with_options(
        self, *, key: str | None = None, queue: str | None = None, priority: int | None = None,
        labels: dict[str, str] | None = None, retry: Retry | None = None, timeouts: Timeouts | None = None,
        policy: Literal["cancel", "detach"] | None = None,
    ) -> "Task[P, T]":  # fmt: skip
        """The same task for children that are ordered otherwise. `key` names them, in place of the call's place."""
        other = copy(self)
        given = {
            "queue": queue and check_name("queue", queue), "priority": priority, "labels": labels, "retry": retry,
            "timeouts": timeouts, "policy": policy,
        }  # fmt: skip
        set_ = {name: value for name, value in given.items() if value is not None}
        other._order = msgspec.structs.replace(self._order, **set_)  # noqa: SLF001 - a copy of our own
        other._key = key if key is not None else self._key  # noqa: SLF001
        return other

    def run(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        """Run it as a child and wait for its result. Raises ChildFailed."""
        given = self.takes.input(args, kwargs)
        return family.run(family.children_of(self._order, self._key), given, self.takes.usable)

    def start(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, family.Handle[T]]:
        """Start it as a child."""
        given = self.takes.input(args, kwargs)
        return family.start(family.children_of(self._order, self._key), given, self.takes.usable)

    @overload
    def map(
        self, items: Iterable[Any], *, window: int = 50, join: family.Join = "all", key: str | None = None,
        policy: Literal["cancel", "detach"] | None = None,
    ) -> family.Spread[T]: ...  # fmt: skip
    @overload
    def map(
        self, items: Iterable[Any], *, tolerate: float, window: int = 50, join: family.Join = "all",
        key: str | None = None, policy: Literal["cancel", "detach"] | None = None,
    ) -> family.Spread[T | ChildFailed]: ...  # fmt: skip
    def map(
        self, items: Iterable[Any], *, window: int = 50, tolerate: float = 0, join: family.Join = "all",
        key: str | None = None, policy: Literal["cancel", "detach"] | None = None,
    ) -> Any:  # fmt: skip
        """Run a child for each item, `window` of them at a time: a list of results, or a stream of them.

        An item is the value of the only parameter (a model takes the object itself), else a dict of parameters. With
        `tolerate` (a count, or a share below 1) failed ones stand in the list as ChildFailed; one more, and the rest is
        stopped. `join`: how many results are enough; the rest is stopped, unless the policy is "detach".
        """
        ordered = self.with_options(key=key, policy=policy)
        children = family.children_of(ordered._order, ordered._key)  # noqa: SLF001
        return family.Spread(
            children,
            items,
            self.takes.item,
            self.takes.usable,
            window=window,
            tolerate=tolerate,
            join=join,
            detached=ordered._order.policy == "detach",  # noqa: SLF001
        )


class Takes:
    """How a task's input object becomes its call: members are parameters, or one model takes the object itself."""

    def __init__(self, fn: Callable[..., Any], name: str) -> None:
        hints = get_type_hints(fn, include_extras=True)
        parameters = list(inspect.signature(fn).parameters.values())
        for p in parameters:
            if p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
                raise TypeError(f"task {name}: parameter {p.name} cannot be given by name")
        self.whole: str | None = None
        if len(parameters) == 1 and codec.is_model(hints.get(parameters[0].name)):
            self.whole, self.type = parameters[0].name, hints[parameters[0].name]
        else:
            _check_readable(parameters, hints, name)
            fields = [_field(p, hints.get(p.name, Any)) for p in parameters]
            self.type = msgspec.defstruct(name, fields, forbid_unknown_fields=True, kw_only=True)
        self.returns = hints.get("return", Any)
        self.usable = codec.usable(self.returns)
        """What a result can be read back as."""
        self._what = f"the input of {name}"
        self._signature = inspect.signature(fn)

    def arguments(self, raw: msgspec.Raw) -> dict[str, Any]:
        """The keyword arguments in an input. Raises msgspec.ValidationError where it does not fit."""
        given = b"{}" if bytes(raw) == b"null" else raw
        value = codec.decode(given, self.type)
        return (
            {self.whole: value} if self.whole else {f: getattr(value, f) for f in self.type.__struct_fields__}
        )

    def input(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> msgspec.Raw:
        """The input object of a call. Raises TypeError where the call does not fit."""
        given = self._signature.bind(*args, **kwargs).arguments
        return codec.encode(given[self.whole] if self.whole else given, self._what)

    def item(self, value: Any) -> msgspec.Raw:
        """The input object for one item of a map."""
        names = list(self._signature.parameters)
        single = len(names) == 1 and not self.whole
        return codec.encode({names[0]: value} if single else value, self._what)


def _check_readable(parameters: list[inspect.Parameter], hints: dict[str, Any], name: str) -> None:
    for p in parameters:
        why = codec.unreadable(hints.get(p.name, Any))
        # With a default it can be left out, but only where the others can still be read.
        if why is not None and (p.default is p.empty or codec.usable(hints[p.name]) is Any):
            raise TypeError(f"task {name}: parameter {p.name} cannot be read from an input: {why}")


def _field(p: inspect.Parameter, annotation: Any) -> Any:
    if p.default is p.empty:
        return (p.name, annotation)
    if isinstance(p.default, list | dict | set):
        return (p.name, annotation, msgspec.field(default_factory=p.default.copy))
    return (p.name, annotation, p.default)


class Registry:
    """A set of tasks and steps, mergeable; `name` is a label for people."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.tasks: dict[str, Task[..., Any]] = {}
        self.undos: dict[str, Step[[Any], Any]] = {}
        """The steps that undo others."""

    @overload
    def task(self, fn: Callable[P, Coroutine[Any, Any, T]], /) -> Task[P, T]: ...
    @overload
    def task(self, fn: Callable[P, T], /) -> Task[P, T]: ...
    @overload
    def task(
        self, *, name: str | None = None, queue: str = "default", priority: int = 5, retry: Retry | None = None,
        timeout: float | None = None, timeouts: Timeouts | None = None, version: str | None = None,
        process: bool = False, on_drift: OnDrift = "warn", on_exhausted: OnExhausted = "fail",
        stalled_after: float | None = None,
        limits: Iterable[LimitPolicy] = (),
        max_running: int | None = None,
        retention: RetentionClass | None = None,
    ) -> "_Decorator": ...  # fmt: skip

    def task(
        self,
        fn: Callable[..., Any] | None = None,
        *,
        name: str | None = None,
        queue: str = "default",
        priority: int = 5,
        retry: Retry | None = None,
        timeout: float | None = None,
        timeouts: Timeouts | None = None,
        version: str | None = None,
        process: bool = False,
        on_drift: OnDrift = "warn",
        on_exhausted: OnExhausted = "fail",
        stalled_after: float | None = None,
        limits: Iterable[LimitPolicy] = (),
        max_running: int | None = None,
        retention: RetentionClass | None = None,
    ) -> Any:
        """Register a function as a task, under its own name unless one is given. `timeout`: seconds an attempt.

        `timeouts`: all limits: of the wait in its queue, an attempt, the whole execution, between two signs of life.
        `on_drift`: what happens to a saved step that is called with other arguments: warn and use it, rerun it, or hold
        the execution for repair. `on_exhausted`: what happens when the last attempt has failed: fail, hold, or ask.

        `process`: run it in a process of its own, which can be killed; for a plain def that another process can import.
        `stalled_after`: seconds without a step, progress or log line after which it is shown as stalled.
        `max_running`: how many of its executions may run at once. `limits`: how many may hold a key at once, or start
        within a time; keys may name parameters: `Limit("customer:{customer_id}", max=2)`.
        `retention`: how long they are kept after their end: short, default, long or hold.
        """

        def register(fn: Callable[..., Any]) -> Task[..., Any]:
            named = check_name("task", name or fn.__name__)
            if named in self.tasks:
                raise ValueError(f"task {named} is registered twice")
            takes = Takes(fn, named)
            spec = TaskSpec(
                name=named,
                input_schema=_raw(codec.schema(takes.type)),
                output_schema=_raw(codec.schema(takes.returns)),
                description=inspect.getdoc(fn),
                queue=check_name("queue", queue),
                priority=priority,
                retry=retry or Retry(),
                timeouts=_limits(timeout, timeouts),
                version=version,
                on_exhausted=on_exhausted,
                stalled_after=stalled_after,
                limits=tuple(limits),
                max_running=max_running,
                retention=_class(retention),
            )
            task: Task[..., Any] = Task(fn, spec, takes, process=process)
            task.on_drift = on_drift
            self.tasks[named] = task
            return task

        return register if fn is None else register(fn)

    @overload
    def step(self, fn: Callable[P, Coroutine[Any, Any, T]], /) -> Step[P, T]: ...
    @overload
    def step(self, fn: Callable[P, T], /) -> Step[P, T]: ...
    @overload
    def step(
        self, *, undo: Callable[[T], Awaitable[Any]], name: str | None = None, retry: Retry | None = None,
        timeout: float | None = None, process: bool = False, once: bool = False,
        verify: Callable[..., Any] | None = None, on_drift: OnDrift | None = None, policy: str | None = None,
    ) -> UndoableStepDecorator[T]: ...  # fmt: skip
    @overload
    def step(
        self, *, name: str | None = None, retry: Retry | None = None, timeout: float | None = None,
        process: bool = False, once: bool = False, verify: Callable[..., Any] | None = None,
        on_drift: OnDrift | None = None, policy: str | None = None,
    ) -> StepDecorator: ...  # fmt: skip

    def step(
        self,
        fn: Callable[..., Any] | None = None,
        *,
        undo: Any = None,
        name: str | None = None,
        retry: Retry | None = None,
        timeout: float | None = None,
        process: bool = False,
        once: bool = False,
        verify: Callable[..., Any] | None = None,
        on_drift: OnDrift | None = None,
        policy: str | None = None,
    ) -> Any:
        """Make a function a step: its result is saved. Without `retry` a failed step fails its attempt.

        `undo` takes the step's result, and runs when the execution fails or is cancelled after the step was done.
        `once`: it runs at most once. A crash within leaves it in doubt: `verify`, called with the same arguments,
        returns its result or raises NotDone; without it a person is asked. `on_drift`: as for a task, for this step.
        `process`: run it in a process of its own, which can be killed; for a plain def that another process can import.
        `policy`: the name of a policy that is asked before it runs; where that denies, the execution fails.
        """
        if undo is not None:
            self._keep_undo(undo)
        if verify is not None and not once:
            raise ValueError("verify= is for a step with once=True")
        how = StepPolicy(
            policy=policy and check_name("policy", policy),
            retry=retry or ONCE, timeout=timeout, undo=None if undo is None else undo.name, once=once, verify=verify,
            on_drift=on_drift,
        )  # fmt: skip

        def make(fn: Callable[..., Any]) -> Step[..., Any]:
            return Step(fn, name or fn.__name__, how, process=process)

        return make if fn is None else make(fn)

    def _keep_undo(self, undo: Step[[Any], Any]) -> None:
        # By its name, under which a worker finds it that has not run the step itself.
        if self.undos.setdefault(undo.name, undo) is not undo:
            raise ValueError(f"two steps named {undo.name} undo something")

    def merge(self, other: "Registry") -> None:
        """Take over the tasks of `other`, and what undoes their steps; the same name twice is an error."""
        for undo in other.undos.values():
            self._keep_undo(undo)
        for name, task in other.tasks.items():
            if self.tasks.get(name, task) is not task:
                raise ValueError(f"task {name} is registered twice")
            self.tasks[name] = task

    def __iter__(self) -> Iterator[Task[..., Any]]:
        return iter(self.tasks.values())


def _class(name: RetentionClass | None) -> RetentionClass | None:
    if name is not None and name not in CLASSES:
        raise ValueError(f"retention is one of {', '.join(CLASSES)}, not {name!r}")
    return name


def _limits(timeout: float | None, timeouts: Timeouts | None) -> Timeouts:
    limits = timeouts or Timeouts()
    return limits if timeout is None else msgspec.structs.replace(limits, attempt=timeout)


def _raw(schema: dict[str, Any] | None) -> msgspec.Raw | None:
    return None if schema is None else msgspec.Raw(msgspec.json.encode(schema))


class _Decorator:  # only for the type checker: what `task(...)` with options returns
    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, T]], /) -> Task[P, T]: ...
    @overload
    def __call__(self, fn: Callable[P, T], /) -> Task[P, T]: ...
    def __call__(self, fn: Any, /) -> Any: ...
