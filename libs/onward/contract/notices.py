"""What a channel is sent: a webhook's JSON, a Slack-compatible message, a mail; and when it is tried again. Pure."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from onward.contract.alerts import ChannelSpec
from onward.contract.incidents import Incident

MARKS = {"info": "info", "warning": "WARNING", "error": "ERROR", "critical": "CRITICAL"}
TRIES = (5, 30, 120, 300, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 28_800)
"""Seconds before each next try: 22 h in all."""
MOST_WAIT = 3_600.0
_encode = msgspec.json.Encoder().encode


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be told, before it has the form of a channel."""

    type: str
    """`incident.opened`, `incident.resolved`, `execution.<event>` or `test`."""
    at: datetime
    project: str
    title: str
    text: str
    severity: str
    data: dict[str, Any]


def of_incident(incident: Incident, phase: str, description: str | None) -> Notice:
    """The beginning or the end of an incident."""
    at = incident.resolved_at if phase == "resolved" else incident.opened_at
    resolved = phase == "resolved"
    what = f"{incident.alert}: {incident.detail}"
    return Notice(
        type=f"incident.{phase}", at=at or incident.opened_at, project=incident.project,
        title=f"Resolved: {incident.alert}" if resolved else f"[{MARKS[incident.severity]}] {what}"[:200],
        text=what if description is None else f"{what}\n{description}", severity=incident.severity,
        data={
            "incident_id": incident.id, "alert": incident.alert, "key": incident.key, "severity": incident.severity,
            "opened_at": incident.opened_at, "resolved_at": incident.resolved_at, "value": incident.value,
            "count": incident.count, "detail": incident.detail, "execution_id": incident.execution_id,
        },
    )  # fmt: skip


def of_event(project: str, kind: str, event: msgspec.Raw, at: datetime, execution: dict[str, Any]) -> Notice:
    """An event of an execution, for those who subscribe to its type."""
    title = f"{execution['task']} {execution['id']}: {kind}"
    return Notice(
        type=f"execution.{kind}", at=at, project=project, title=title, text=title, severity="info",
        data={"execution": execution, "event": event},
    )  # fmt: skip


def of_test(project: str, name: str, at: datetime) -> Notice:
    """What `test` sends."""
    return Notice(
        type="test", at=at, project=project, title=f"Test of {name}", severity="info",
        text=f"This is a test of {name}: it works.", data={"name": name},
    )  # fmt: skip


def body_for(channel: ChannelSpec, notice: Notice) -> bytes:
    """The bytes that are stored and sent, the same at each try."""
    if channel.kind == "slack":
        return _encode({"text": f"*{_escaped(notice.title)}*\n{_escaped(notice.text)}"})
    if channel.kind == "email":
        return _encode({"subject": _line(notice.title), "text": f"{notice.text}\n\n{_listed(notice.data)}"})
    return _encode(
        {"type": notice.type, "timestamp": notice.at, "project": notice.project, "data": notice.data}
    )


def next_try(tries: int, now: datetime, *, retry_after: float | None = None) -> datetime | None:
    """When to try again after so many tries; None: never. `retry_after` is what the receiver asked for."""
    if tries > len(TRIES):
        return None
    wait = float(TRIES[tries - 1])
    if retry_after is not None:
        wait = max(wait, min(retry_after, MOST_WAIT))
    return now + timedelta(seconds=wait)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _line(text: str) -> str:
    return " ".join(text.split())[:200]


def _listed(data: dict[str, Any]) -> str:
    shown = msgspec.to_builtins(
        {name: value for name, value in data.items() if value is not None and name != "event"}
    )
    return "\n".join(f"{name}: {value}" for name, value in shown.items())
