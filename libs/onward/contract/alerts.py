"""What tells people that something is wrong: CONFIG kinds `alert` (when) and `channel` (to whom)."""

import re
from datetime import datetime
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from onward.contract.errors import InvalidBody
from onward.contract.ids import NAME
from onward.contract.resource import Resource
from onward.contract.signing import PREFIX, SECRET_BYTES, decoded_secret

ALERT, CHANNEL = "alert", "channel"

When = Literal[
    "execution_failed", "failure_rate", "queue_wait", "no_worker", "stalled", "schedule_missed", "question_waiting",
]  # fmt: skip
Severity = Literal["info", "warning", "error", "critical"]
Per = Literal["rule", "task", "queue", "fingerprint", "schedule", "execution"]

_DEFAULT_PER: dict[str, Per] = {
    "execution_failed": "fingerprint", "failure_rate": "rule", "queue_wait": "queue", "no_worker": "queue",
    "stalled": "execution", "schedule_missed": "schedule", "question_waiting": "execution",
}  # fmt: skip
_DEFAULT_ABOVE: dict[str, float] = {
    "failure_rate": 0.5, "queue_wait": 300.0, "no_worker": 30.0, "question_waiting": 3600.0,
}  # fmt: skip
_MAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")


class AlertSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """A rule: while its condition holds, an incident is open; its channels hear of the beginning and the end."""

    KIND: ClassVar[str] = ALERT

    when: When = "execution_failed"
    description: str | None = None
    task: str | None = None
    queue: str | None = None
    agent_id: str | None = None
    label: str | None = None
    """`name=value` of the executions that count."""
    fingerprint: str | None = None
    """Of the error, for execution_failed."""
    schedule: str | None = None
    above: float | None = None
    """What is too much: a share (failure_rate), or seconds (queue_wait, no_worker, question_waiting)."""
    measure: Literal["oldest", "p95"] = "oldest"
    """Of queue_wait: the age of what waits longest, or what 95 of 100 waited that started in the window."""
    window: float = 300.0
    """Seconds that are looked back on. An incident of failures stays open as long after the last one."""
    at_least: int | None = None
    """How many must have happened in the window: 1, and for failure_rate 10."""
    per: Per | None = None
    """What has an incident of its own; repeated within one incident nothing is told again."""
    settle: float = 60.0
    """Seconds that a condition must not hold before its incident is resolved."""
    severity: Severity = "error"
    channels: tuple[str, ...] = ()
    muted_until: datetime | None = None
    """Until then incidents are kept and nobody is told."""
    muted_by: str | None = None

    @property
    def limit(self) -> float:
        """What is too much."""
        return _DEFAULT_ABOVE.get(self.when, 0.0) if self.above is None else self.above

    @property
    def holds_above(self) -> float:
        """An open incident goes on while the value is above this: it does not come and go around its limit."""
        return 0.8 * self.limit

    @property
    def fewest(self) -> int:
        """How many must have happened."""
        return self.at_least or (10 if self.when == "failure_rate" else 1)

    @property
    def key(self) -> Per:
        """What has an incident of its own."""
        return self.per or _DEFAULT_PER[self.when]


class ChannelSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """Where to: a webhook (Standard Webhooks), a Slack-compatible webhook, or email."""

    KIND: ClassVar[str] = CHANNEL

    kind: Literal["webhook", "slack", "email"] = "webhook"
    description: str | None = None
    url: str | None = None
    secret: str | None = None
    """Of a webhook, `whsec_…`: made when none is given, and shown at that moment only."""
    previous_secret: str | None = None
    """Signs too, while receivers change over."""
    to: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    """Types of events that are sent here besides alerts: a webhook for the life of executions."""
    task: str | None = None
    queue: str | None = None
    agent_id: str | None = None
    label: str | None = None
    """Of the executions whose events are sent."""
    paused: bool = False


def shown_url(kind: str | None, url: str | None) -> str | None:
    """An address as it may be read: who knows the whole of a Slack one may write there."""
    if kind != "slack" or url is None:
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/…"


def check_alert(spec: AlertSpec) -> None:
    """Raises InvalidBody for a rule that can never fire, or that nobody means."""
    if spec.above is not None and not 0 < spec.above < 1e9:
        raise InvalidBody("above must be greater than 0")
    if spec.when == "failure_rate" and spec.limit > 1:
        raise InvalidBody("above: a share of failures is at most 1", fix="write 0.2 for one in five")
    if not 1 <= spec.window <= 604_800 or not 0 <= spec.settle <= 86_400:
        raise InvalidBody("window must be 1 to 604800 s, settle 0 to 86400 s")
    if spec.at_least is not None and spec.at_least < 1:
        raise InvalidBody("at_least must be 1 or more")
    if spec.label is not None and "=" not in spec.label[1:]:
        raise InvalidBody(f"{spec.label[:80]!r} is no label", fix="write name=value")
    _check_key(spec)
    for channel in spec.channels:
        if NAME.fullmatch(channel) is None:
            raise InvalidBody(f"{channel[:80]!r} is no name of a channel")


def _check_key(spec: AlertSpec) -> None:
    if spec.when in {"queue_wait", "no_worker"} and spec.key not in {"rule", "queue"}:
        raise InvalidBody(f"{spec.when} has an incident per queue, or one per rule")
    if spec.when == "schedule_missed" and spec.key not in {"rule", "schedule"}:
        raise InvalidBody("schedule_missed has an incident per schedule, or one per rule")
    if spec.key == "fingerprint" and spec.when != "execution_failed":
        raise InvalidBody(f"{spec.when} knows no fingerprints", fix="use per: task, or execution_failed")
    if spec.key == "schedule" and spec.when != "schedule_missed":
        raise InvalidBody(f"{spec.when} knows no schedules")


def check_channel(spec: ChannelSpec) -> None:
    """Raises InvalidBody for a channel that reaches nobody."""
    if spec.kind == "email":
        if not spec.to or any(_MAIL.fullmatch(one) is None for one in spec.to):
            raise InvalidBody("to: an email channel needs addresses")
        return
    parts = urlsplit(spec.url or "")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise InvalidBody(
            "url must be http or https, without a user in it", fix="write https://example.com/hook"
        )
    for secret in (spec.secret, spec.previous_secret):
        if secret is not None and not _is_secret(secret):
            raise InvalidBody(
                f"secret must be {PREFIX} and 24 to 64 bytes as base64", fix="leave it out: one is made"
            )


def _is_secret(secret: str) -> bool:
    return secret.startswith(PREFIX) and 24 <= len(decoded_secret(secret)) <= max(64, SECRET_BYTES)
