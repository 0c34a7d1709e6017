"""What a caller asks to follow an execution, before it is checked: `then` of a submission."""

import msgspec

from onward.contract.events import RawOrNone, Timeouts
from onward.contract.retry import Retry


class FollowUp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An execution to submit then: of a task, an agent or a team; what is not given is as those say.

    `input` is JSON with places to fill in, as `{{output.path}}`; without one it is the output of the execution before,
    or what happened where that did not complete. `delay` is in seconds.
    """

    task: str | None = None
    agent: str | None = None
    team: str | None = None
    input: RawOrNone = None
    queue: str | None = None
    environment: str | None = None
    priority: int | None = None
    delay: float | None = None
    labels: dict[str, str] = {}
    retry: Retry | None = None
    timeouts: Timeouts | None = None
    then: "Then | None" = None


def stored(then: object) -> RawOrNone:
    """A `then` as resources keep it: as JSON, so that what a newer release adds to it can be read, and is kept."""
    if then is None or isinstance(then, msgspec.Raw):
        return None if then is None or bytes(then) == b"null" else then
    return msgspec.Raw(msgspec.json.encode(then))


class Then(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What follows, by how it ends: `on_any` is also for one that was cancelled."""

    on_success: FollowUp | None = None
    on_failure: FollowUp | None = None
    on_any: FollowUp | None = None

    def branches(self) -> tuple[tuple[str, FollowUp], ...]:
        """Those that are given, by name."""
        given = (("success", self.on_success), ("failure", self.on_failure), ("any", self.on_any))
        return tuple((on, one) for on, one in given if one is not None)
