"""The audit: who did or was refused what, when, before and after; each entry names the hash of the one before it.

Nobody writes it beside what they do. Changes of resources come from CONFIG, what people ask of executions from EVENTS,
refusals from a small stream of their own. Each of the three is a chain of its own, in the order of its stream.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from onward.contract.alerts import shown_url

AuditSource = Literal["resource", "execution", "refusal"]
SOURCES: tuple[AuditSource, ...] = ("resource", "execution", "refusal")

COMMANDS = (
    "cancel_requested", "cancelled", "paused", "resumed", "amended", "moved", "answered", "event_received",
    "step_edited", "retry_requested",
)  # fmt: skip
"""Events by which people change executions. A submission is not among them: its execution is the record of it."""

NOT_AUDITED = frozenset({"retention", "audit-head"})
"""Kinds in CONFIG that nobody sets."""
HEAD = "audit-head"
"""The CONFIG kind of the last entry of each chain, kept apart from the entries, so that a cut tail is noticed."""
FIRST = "0" * 64
"""What the first entry of a chain names as the hash before it."""
MOST = 16 * 1024
"""Characters of a before or after that are kept."""
_MASK = "***"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, as its source tells it; `before` and `after` are JSON texts."""

    sequence: int
    project: str
    at: datetime
    actor: str | None
    action: str
    kind: str
    name: str
    before: str | None = None
    after: str | None = None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The last entry of a chain."""

    n: int
    hash: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request that was refused, as a gateway tells it. `left_out`: so many before it were too many to tell."""

    at: datetime
    project: str
    method: str
    path: str
    status: int
    code: str
    detail: str
    actor: str | None = None
    address: str | None = None
    trace_id: str | None = None
    left_out: int = 0


def link(source: str, n: int, previous: str, entry: Entry) -> str:
    """The hash of the `n`-th entry of a chain, over all it says and the hash before it."""
    told = msgspec.json.encode((
        previous, source, n, entry.sequence, entry.project, entry.at.astimezone(UTC).isoformat(), entry.actor,
        entry.action, entry.kind, entry.name, entry.before, entry.after,
    ))  # fmt: skip
    return hashlib.sha256(told).hexdigest()


def changed(
    *,
    sequence: int,
    at: datetime,
    actor: str | None,
    where: tuple[str, str, str],
    before: bytes,
    after: bytes,
) -> Entry:
    """The entry of one message of CONFIG; `before` is the message before it, empty where there was none."""
    project, kind, name = where
    old, new = _document(before), _document(after)
    verb = "deleted" if not after else "updated" if before else "created"
    if kind == "key" and new.get("revoked") and not old.get("revoked"):
        verb = "revoked"
    return Entry(
        sequence=sequence,
        project=project,
        at=at,
        actor=actor or new.get("updated_by"),
        action=f"{kind}.{verb}",
        kind=kind,
        name=name,
        before=_text(_masked(old, {})) if before else None,
        after=_text(_masked(new, old)) if after else None,
    )


def refused(sequence: int, told: Refusal) -> Entry:
    """The entry of one refusal."""
    members = ("method", "path", "status", "code", "detail", "address", "trace_id", "left_out")
    return Entry(
        sequence=sequence,
        project=told.project,
        at=told.at,
        actor=told.actor,
        action=f"refused.{told.code}",
        kind="request",
        name=f"{told.method} {told.path}",
        after=_text({member: getattr(told, member) for member in members}),
    )


def commanded(sequence: int, kind: str, body: bytes) -> Entry | None:
    """The entry of one event; None where nobody asked for it."""
    event = _document(body)
    if event.get("actor") is None:
        return None
    envelope = {"id", "project", "execution_id", "n", "at", "actor", "trace", "type", "wake", "routes"}
    return Entry(
        sequence=sequence,
        project=event["project"],
        at=msgspec.convert(event["at"], datetime),
        actor=event["actor"],
        action=f"execution.{kind}",
        kind="execution",
        name=event["execution_id"],
        after=_text({member: value for member, value in event.items() if member not in envelope}),
    )


def _document(data: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(data) if data else {}
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {"unreadable": True}
    return found if isinstance(found, dict) else {"value": found}


_OPENING = frozenset({"sha256", "secret", "previous_secret", "secrets"})
"""Members of resources that open something, or prove who one is."""


def _masked(document: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Without what opens or should not be read; of a variable one sees whether it changed."""
    shown = {member: value for member, value in document.items() if member not in _OPENING}
    if isinstance(shown.get("url"), str):
        shown["url"] = shown_url(shown.get("kind"), shown["url"])
    if isinstance(shown.get("variables"), dict):
        old = before.get("variables") or {}
        shown["variables"] = {
            name: _MASK if not before or old.get(name) == value else f"{_MASK} (changed)"
            for name, value in shown["variables"].items()
        }
    return shown


def _text(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= MOST else msgspec.json.encode({"cut": text[:MOST]}).decode()
