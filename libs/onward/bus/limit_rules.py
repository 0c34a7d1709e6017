"""What CONFIG says about limits at this moment: those of queues and tasks, and what an operator set for a key."""

from typing import Any, Protocol, TypeVar

import msgspec

from onward.contract import ids
from onward.contract.errors import InvalidInput
from onward.contract.execution import Execution
from onward.contract.limit import MOST_HOLDERS, QUEUE, TASK, LimitPolicy, LimitSpec
from onward.contract.limits import fill
from onward.contract.places import QueueSpec
from onward.contract.submission import TaskSpec

T = TypeVar("T")


class Config(Protocol):
    """A copy of CONFIG."""

    def get(self, project: str, kind: str, name: str) -> tuple[bytes, int] | None:
        """One resource and its sequence, or None."""
        ...


class LimitRules:
    """Asked at each grant, so that a change counts at once; called, it is the limit keeper's `Rules`."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._decoded: dict[tuple[str, str, str], tuple[int, Any]] = {}

    def __call__(self, project: str, limit: LimitPolicy) -> LimitPolicy | None:
        """A limit with the numbers of this moment; None: it limits nothing any more."""
        if limit.key.startswith((QUEUE, TASK)):
            limit = self._of_place(project, limit.key)
        spec = self.spec(project, limit.key)
        if spec is not None:
            limit = spec.on(limit)
        if limit.max is not None and limit.max > MOST_HOLDERS:
            limit = msgspec.structs.replace(limit, max=MOST_HOLDERS)
        return limit if limit.max is not None or limit.rate is not None or limit.full == "replace" else None

    def spec(self, project: str, key: str) -> LimitSpec | None:
        """What an operator set for a key."""
        found: LimitSpec | None = self._get(project, "limit", ids.limit_id(key), LimitSpec)
        return found

    def of_places(self, project: str, queue: str, task: str) -> tuple[LimitPolicy, ...]:
        """The limits of a queue and a task, where they have any."""
        found = (self(project, LimitPolicy(key)) for key in (f"{QUEUE}{queue}", f"{TASK}{task}"))
        return tuple(limit for limit in found if limit is not None)

    def of_execution(self, state: Execution) -> tuple[LimitPolicy, ...]:
        """All that its queue and its task ask of an execution now, whoever submitted it, and when."""
        spec: TaskSpec | None = self._get(state.project, "task", state.task, TaskSpec)
        found = self.of_places(state.project, state.queue, state.task)
        if spec is None or not spec.limits:
            return found
        return (*filled(spec.limits, state.input), *found)

    def _of_place(self, project: str, key: str) -> LimitPolicy:
        kind, _, name = key.partition(":")
        if f"{kind}:" == QUEUE:
            queue: QueueSpec | None = self._get(project, "queue", name, QueueSpec)
            return (
                LimitPolicy(key)
                if queue is None
                else LimitPolicy(key, queue.max_running, queue.rate, queue.per)
            )
        task: TaskSpec | None = self._get(project, "task", name, TaskSpec)
        return LimitPolicy(key, None if task is None else task.max_running)

    def _get(self, project: str, kind: str, name: str, type_: type[T]) -> T | None:
        found = self._config.get(project, kind, name)
        if found is None:
            return None
        data, sequence = found
        held = self._decoded.get((project, kind, name))
        if held is None or held[0] != sequence:
            try:
                held = (sequence, msgspec.json.decode(data, type=type_))
            except msgspec.MsgspecError:
                held = (sequence, None)
            self._decoded[project, kind, name] = held
        value: T | None = held[1]
        return value


def filled(limits: tuple[LimitPolicy, ...], given: msgspec.Raw) -> tuple[LimitPolicy, ...]:
    """The limits for this input; one that its members do not fill is left out: nobody is there to be told."""
    value = msgspec.json.decode(given) if any("{" in limit.key for limit in limits) else None
    found: list[LimitPolicy] = []
    for limit in limits:
        try:
            found += fill((limit,), value)
        except InvalidInput:
            continue
    return tuple(found)
