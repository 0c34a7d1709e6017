"""What CONFIG says, as the gateway asks it: tasks with their schemas, queues, keys, and how far EVENTS was purged."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from onward.contract.errors import Unavailable
from onward.contract.quota import QuotaSpec
from onward.contract.submission import KeySpec, QueueSpec, TaskSpec
from onward_gateway import schemas

DEFAULT_QUEUE = "default"
SHIPPED = ("http", "shell")
"""Tasks of every worker: known before any was ever started."""

FLOOR = ("default", "retention", "floor")
"""Up to which sequence retention has purged EVENTS."""

log = logging.getLogger(__name__)


class Config(Protocol):
    """A copy of CONFIG that follows it."""

    ready: bool
    """Whether all of CONFIG has arrived."""

    def get(self, project: str, kind: str, name: str) -> tuple[bytes, int] | None:
        """One resource and its sequence, or None."""
        ...

    def items(self, project: str, kind: str) -> Mapping[str, tuple[bytes, int]]:
        """All resources of a kind, by name."""
        ...


class KnownTask(msgspec.Struct, frozen=True):
    """A task, and what holds an input to its schema."""

    spec: TaskSpec
    validator: Any = None


class Known:
    """CONFIG, decoded; what was decoded once is kept until the resource changes."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._decoded: dict[tuple[str, str, str], tuple[int, Any]] = {}
        self._shipped = {name: KnownTask(TaskSpec(name=name)) for name in SHIPPED}

    def task(self, project: str, name: str) -> KnownTask | None:
        """A task that some worker once announced, or that every worker has."""
        found: KnownTask | None = self._get(project, "task", name, _task)
        return found or self._shipped.get(name)

    def tasks(self, project: str) -> list[str]:
        """The names of all tasks."""
        return sorted({*self._config.items(project, "task"), *SHIPPED})

    def queue(self, project: str, name: str) -> bool:
        """Whether there is such a queue."""
        return name == DEFAULT_QUEUE or self._config.get(project, "queue", name) is not None

    def queues(self, project: str) -> list[str]:
        """The names of all queues."""
        return sorted({*self._config.items(project, "queue"), DEFAULT_QUEUE})

    def environment(self, project: str, queue: str) -> str | None:
        """The environment of a queue."""
        spec: QueueSpec | None = self._get(project, "queue", queue, _queue)
        return spec.environment if spec else None

    def check_ready(self) -> None:
        """Raises Unavailable before CONFIG was read."""
        if not self._config.ready:
            raise Unavailable("the gateway is starting", retry_after=1)

    def key(self, project: str, public_id: str) -> KeySpec | None:
        """What is stored of an API key. Raises Unavailable before CONFIG was read: nobody is refused for that."""
        self.check_ready()
        found: KeySpec | None = self._get(project, "key", public_id, _key)
        return found

    def quota(self, project: str) -> QuotaSpec | None:
        """The quota of a project, where it has one of its own."""
        found: QuotaSpec | None = self._get(project, "quota", "backlog", _quota)
        return found

    def purged(self) -> bool:
        """Whether EVENTS was ever purged, so that a key may be older than all it holds (PROTOCOL T3)."""
        return bool(self._get(*FLOOR, _floor))

    def _get(self, project: str, kind: str, name: str, decode: Callable[[bytes, str], Any]) -> Any:
        found = self._config.get(project, kind, name)
        if found is None:
            return None
        data, sequence = found
        held = self._decoded.get((project, kind, name))
        if held is None or held[0] != sequence:
            held = self._decoded[project, kind, name] = (sequence, _decoded(decode, data, name))
        return held[1]


def _decoded(decode: Callable[[bytes, str], Any], data: bytes, name: str) -> Any:
    try:
        return decode(data, name)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        # As if it were not there: an unreadable key opens nothing.
        log.warning("CONFIG holds a %s %r that cannot be read: %s", decode.__name__.strip("_"), name, error)
        return None


def _task(data: bytes, name: str) -> KnownTask:
    spec = msgspec.json.decode(data, type=TaskSpec)
    schema = spec.input_schema
    return KnownTask(spec, None if schema is None else schemas.compiled(bytes(schema), f"task {name}"))


def _queue(data: bytes, _name: str) -> QueueSpec:
    return msgspec.json.decode(data, type=QueueSpec)


def _quota(data: bytes, _name: str) -> QuotaSpec:
    return msgspec.json.decode(data, type=QuotaSpec)


def _key(data: bytes, _name: str) -> KeySpec:
    return msgspec.json.decode(data, type=KeySpec)


def _floor(data: bytes, _name: str) -> int:
    return int(msgspec.json.decode(data, type=dict[str, int]).get("purged_to", 0))
