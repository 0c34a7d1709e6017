"""What CONFIG says, as the gateway asks it: tasks with their schemas, queues, keys, and how far EVENTS was purged."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from onward.bus.limit_rules import LimitRules
from onward.bus.specs import Specs
from onward.contract.errors import Unavailable
from onward.contract.keys import SESSION
from onward.contract.places import QueueSpec
from onward.contract.quota import BACKLOG, QuotaSpec
from onward.contract.submission import KeySpec, TaskSpec
from onward_gateway import schemas

DEFAULT_QUEUE = "default"
SHIPPED = ("http", "shell")
"""Tasks of every worker: known before any was ever started."""

FLOOR = ("default", "retention", "floor")
"""Up to which sequence retention has purged EVENTS."""


class Config(Protocol):
    """A copy of CONFIG that follows it, and writes it."""

    ready: bool
    """Whether all of CONFIG has arrived."""

    def get(self, project: str, kind: str, name: str) -> tuple[bytes, int] | None:
        """One resource and its sequence, or None."""
        ...

    def items(self, project: str, kind: str) -> Mapping[str, tuple[bytes, int]]:
        """All resources of a kind, by name."""
        ...

    async def newest(self, project: str, kind: str, name: str) -> tuple[bytes, int] | None:
        """The same as `get`, asked of the stream."""
        ...

    async def write(  # noqa: PLR0917 - what names a resource, in the order of its subject
        self, project: str, kind: str, name: str, data: bytes, expected: int | None, actor: str
    ) -> int:
        """Write under a fence; this copy holds it from then on. Raises FenceLost."""
        ...


class KnownTask(msgspec.Struct, frozen=True):
    """A task, and what holds an input to its schema."""

    spec: TaskSpec
    validator: Any = None


class Known:
    """CONFIG, decoded; what was decoded once is kept until the resource changes."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.specs = Specs(config)
        self.limits = LimitRules(config)
        self._shipped = {name: KnownTask(TaskSpec(name=name)) for name in SHIPPED}

    def task(self, project: str, name: str) -> KnownTask | None:
        """A task that some worker once announced, or that every worker has."""
        found: KnownTask | None = self._get(project, "task", name, _task)
        return found or self._shipped.get(name)

    def tasks(self, project: str) -> list[str]:
        """The names of all tasks."""
        return sorted({*self.config.items(project, "task"), *SHIPPED})

    def queue(self, project: str, name: str) -> bool:
        """Whether there is such a queue."""
        return name == DEFAULT_QUEUE or self.config.get(project, "queue", name) is not None

    def queues(self, project: str) -> list[str]:
        """The names of all queues."""
        return sorted({*self.config.items(project, "queue"), DEFAULT_QUEUE})

    def environment(self, project: str, queue: str) -> str | None:
        """The environment of a queue."""
        spec = self.specs.get(project, QueueSpec, queue)
        return spec.environment if spec else None

    def check_ready(self) -> None:
        """Raises Unavailable before CONFIG was read."""
        if not self.config.ready:
            raise Unavailable("the gateway is starting", retry_after=1)

    def key(self, project: str, public_id: str) -> KeySpec | None:
        """What is stored of an API key. Raises Unavailable before CONFIG was read: nobody is refused for that."""
        self.check_ready()
        found: KeySpec | None = self._get(project, "key", public_id, _key)
        return found or self._get(project, SESSION, public_id, _key)

    def quota(self, project: str) -> QuotaSpec | None:
        """The quota of a project, where it has one of its own."""
        return self.specs.get(project, QuotaSpec, BACKLOG)

    def purged(self) -> bool:
        """Whether EVENTS was ever purged, so that a key may be older than all it holds (PROTOCOL T3)."""
        return bool(self._get(*FLOOR, _floor))

    def _get(self, project: str, kind: str, name: str, decode: Callable[[bytes], Any]) -> Any:
        found = self.config.get(project, kind, name)
        return None if found is None else self.specs.decoded(project, kind, name, found, decode)


def _task(data: bytes) -> KnownTask:
    spec = msgspec.json.decode(data, type=TaskSpec)
    schema = spec.input_schema
    return KnownTask(spec, None if schema is None else schemas.compiled(bytes(schema), f"task {spec.name}"))


def _key(data: bytes) -> KeySpec:
    return msgspec.json.decode(data, type=KeySpec)


def _floor(data: bytes) -> int:
    return int(msgspec.json.decode(data, type=dict[str, int]).get("purged_to", 0))
