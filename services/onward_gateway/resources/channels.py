"""Channels: where alerts and events are sent. Their secrets go in, and never come out."""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from onward.contract.alerts import AlertSpec, ChannelSpec, check_channel, shown_url
from onward.contract.errors import StillUsed, Unavailable
from onward.contract.resource import Resource
from onward.contract.signing import SECRET_BYTES, new_secret
from onward.http.call import Principal
from onward_gateway.gateway import Gateway
from onward_gateway.resources.kind import Around, Kind

_HIDDEN = frozenset({"url", "secret", "previous_secret"})


class ChannelView(Resource, frozen=True, kw_only=True, omit_defaults=False):
    """Where alerts and events are sent; its secrets are not shown."""

    kind: Literal["webhook", "slack", "email"]
    description: str | None
    url: str | None
    to: tuple[str, ...]
    events: tuple[str, ...]
    task: str | None
    queue: str | None
    agent_id: str | None
    label: str | None
    paused: bool
    signed: bool
    """Whether it has a secret, so that its messages are signed."""
    changing_over: bool
    """Whether messages carry a second signature, made with the secret before."""
    failing_since: datetime | None = None
    """Since when it has taken nothing; null as well while nobody knows."""
    disabled_at: datetime | None = None
    """Since when nothing is sent to it any more."""
    disabled_because: str | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel does, as execution_state knows."""

    channel: str
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    why: str | None = None


def check(spec: ChannelSpec, around: Around) -> None:
    """Raises InvalidBody for a channel that reaches nobody."""
    del around
    check_channel(spec)


def settle(after: ChannelSpec, before: ChannelSpec | None, around: Around) -> ChannelSpec:
    """Makes the secret of a webhook; one that changes still signs beside the new one, until it changes again."""
    del around
    if before is not None and after.url == shown_url(before.kind, before.url):
        after = msgspec.structs.replace(after, url=before.url)  # what was shown is given back
    if after.kind != "webhook":
        return msgspec.structs.replace(after, secret=None, previous_secret=None)
    if after.secret is None:
        kept = None if before is None else before.secret
        after = msgspec.structs.replace(after, secret=kept or new_secret(os.urandom(SECRET_BYTES)))
    if before is not None and before.secret not in {None, after.secret}:
        after = msgspec.structs.replace(after, previous_secret=before.secret)
    return after


async def before_delete(gateway: Gateway, project: str, spec: ChannelSpec) -> None:
    """Raises StillUsed while an alert tells it."""
    for name, alert in gateway.known.specs.all(project, AlertSpec).items():
        if spec.name in alert.channels:
            raise StillUsed(f"alert {name} tells channel {spec.name}", fix="take it out of the alert first")


async def show(gateway: Gateway, who: Principal, specs: Sequence[ChannelSpec]) -> list[Any]:
    """The channels without what is secret, and how they do."""
    try:
        asked = {"project": who.project, "name": ""}
        found: list[Health] = await gateway.state.alerting("channels", asked, list[Health])
    except Unavailable:
        found = []
    healths = {health.channel: health for health in found}
    names = [name for name in ChannelSpec.__struct_fields__ if name not in _HIDDEN]
    shown = []
    for spec in specs:
        health = healths.get(spec.name) or Health(channel=spec.name)
        shown.append(
            ChannelView(
                **{name: getattr(spec, name) for name in names},
                url=shown_url(spec.kind, spec.url),
                signed=spec.secret is not None,
                changing_over=spec.previous_secret is not None,
                failing_since=health.failing_since,
                disabled_at=health.disabled_at,
                disabled_because=health.why if health.disabled_at else None,
            )
        )
    return shown


KIND = Kind(
    spec=ChannelSpec,
    plural="channels",
    a="a channel",
    kept=("previous_secret",),
    check=check,
    settle=settle,
    before_delete=before_delete,
    view=ChannelView,
    show=show,
    scope="admin",
)
