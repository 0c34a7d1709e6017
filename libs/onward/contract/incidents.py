"""When an incident opens, goes on and is resolved: pure, from what was found, for the loop that looks."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from onward.contract.alerts import AlertSpec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One key for which a rule's condition may hold now, with what was measured."""

    key: str
    value: float
    count: int
    detail: str
    execution_id: str | None = None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that held; open until it is resolved."""

    id: str
    project: str
    alert: str
    key: str
    severity: str
    opened_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None = None
    value: float = 0.0
    count: int = 1
    detail: str = ""
    execution_id: str | None = None
    muted: bool = False
    """Whether nobody was told of its beginning."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What one look came to."""

    opened: tuple[Incident, ...] = ()
    going_on: tuple[Incident, ...] = ()
    resolved: tuple[Incident, ...] = ()


def judge(  # noqa: PLR0917 - what is known, in the order in which it is made
    spec: AlertSpec,
    project: str,
    findings: Iterable[Finding],
    open_now: Mapping[str, Incident],
    now: datetime,
    new_id: Callable[[], str],
) -> Judged:
    """Opens above the limit, goes on above four fifths of it, resolves once it has not held for a while."""
    found = {finding.key: finding for finding in findings}
    muted = is_muted(spec, now)
    opened, going_on, resolved = [], [], []
    for key, finding in found.items():
        if key in open_now or finding.count < spec.fewest or finding.value <= spec.limit:
            continue
        opened.append(
            Incident(
                id=new_id(),
                project=project,
                alert=spec.name,
                key=key,
                severity=spec.severity,
                opened_at=now,
                last_seen_at=now,
                value=finding.value,
                count=finding.count,
                detail=finding.detail,
                execution_id=finding.execution_id,
                muted=muted,
            )
        )
    for key, incident in open_now.items():
        seen = found.get(key)
        if seen is not None and seen.value > spec.holds_above:
            going_on.append(
                msgspec.structs.replace(
                    incident, last_seen_at=now, value=seen.value, count=seen.count, detail=seen.detail
                )
            )
        elif now - incident.last_seen_at >= timedelta(seconds=spec.settle):
            resolved.append(msgspec.structs.replace(incident, resolved_at=now))
    return Judged(opened=tuple(opened), going_on=tuple(going_on), resolved=tuple(resolved))


def is_muted(spec: AlertSpec, now: datetime) -> bool:
    """Whether nobody is to be told just now."""
    return spec.muted_until is not None and now < spec.muted_until
