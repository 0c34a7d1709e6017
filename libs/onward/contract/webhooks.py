"""What others call to submit an execution, or to send an event to one: CONFIG kind `webhook`."""

from datetime import datetime
from typing import Any, ClassVar

import msgspec

from onward.contract.resource import Resource

DAY = 86_400.0


class WebhookSecret(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What callers sign with; one that was replaced is good until `until`."""

    secret: str
    until: datetime | None = None


class EventTemplate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The event that a call sends: to which execution, under which name, with which value."""

    execution_id: str
    name: str
    value: Any = None
    """Without one, what was sent."""


class WebhookSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """A door for others: each signed call submits `submission`, or sends `event`."""

    KIND: ClassVar[str] = "webhook"

    submission: dict[str, Any] | None = None
    """The body of `POST /executions`, with templates in it: {{body.order.id}}."""
    event: EventTemplate | None = None
    description: str | None = None
    per_minute: int = 60
    """More signed calls than that get 429."""
    paused: bool = False
    uid: str = ""
    secrets: tuple[WebhookSecret, ...] = ()


class SecretCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Make a new secret; the ones before it stay good for `keep_old` seconds."""

    keep_old: float = DAY


class SecretView(msgspec.Struct, frozen=True, kw_only=True):
    """A new secret, shown this once."""

    name: str
    secret: str
    path: str
    """Where callers send to."""
    old_until: datetime | None


class CallTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a call; `duplicate` where the same one had come before."""

    execution_id: str
    duplicate: bool
