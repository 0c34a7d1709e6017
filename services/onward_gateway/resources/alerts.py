"""Alert rules: what people set of them; and who is told."""

import msgspec

from onward.contract.alerts import AlertSpec, ChannelSpec, check_alert
from onward_gateway.resources.kind import Around, Kind, wrong

KEPT = ("muted_by",)


def check(spec: AlertSpec, around: Around) -> None:
    """Raises InvalidBody for a rule that can never fire, or that tells nobody it names."""
    check_alert(spec)
    for channel in spec.channels:
        if around.specs.get(around.project, ChannelSpec, channel) is None:
            raise wrong(
                "/channels",
                f"there is no channel {channel[:80]!r}",
                fix="make it first: onward channel create",
            )


def settle(after: AlertSpec, before: AlertSpec | None, around: Around) -> AlertSpec:
    """Keeps who muted it."""
    if after.muted_until is None:
        return msgspec.structs.replace(after, muted_by=None)
    if before is not None and before.muted_until == after.muted_until:
        return after
    return msgspec.structs.replace(after, muted_by=around.actor)


KIND = Kind(spec=AlertSpec, plural="alerts", a="an alert", kept=KEPT, check=check, settle=settle)
