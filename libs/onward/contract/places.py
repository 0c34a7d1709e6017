"""Where executions run and wait, as people describe it: environments and queues."""

from datetime import datetime
from typing import ClassVar

from onward.contract.events import TimeoutPolicy
from onward.contract.resource import Resource
from onward.contract.retry import RetryPolicy


class EnvironmentSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """A place to run in, as `prod`: its variables reach the code of each execution there. CONFIG kind `environment`."""

    KIND: ClassVar[str] = "environment"

    description: str | None = None
    variables: dict[str, str] = {}
    """Kept out of logs; shown only to keys that may operate."""
    labels: dict[str, str] = {}


class QueueSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """Where executions wait: CONFIG kind `queue`. A worker's announcing writes it only where there is none."""

    KIND: ClassVar[str] = "queue"

    environment: str | None = None
    description: str | None = None
    priority: int | None = None
    """Of executions that say none; None: that of their task."""
    max_running: int | None = None
    rate: int | None = None
    """At most so many begin within `per` seconds."""
    per: float = 1.0
    retry: RetryPolicy | None = None
    """Of executions that say none; None: that of their task."""
    timeouts: TimeoutPolicy | None = None
    labels: dict[str, str] = {}
    paused: bool = False
    """Nobody takes anything from it; what runs goes on."""
    paused_because: str | None = None
    paused_by: str | None = None
    paused_since: datetime | None = None
