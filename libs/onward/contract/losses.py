"""What was found lost, as people are told of it."""

from datetime import datetime

import msgspec


class LossView(msgspec.Struct, frozen=True, kw_only=True):
    """What was lost of one kind.

    `log`: events that Postgres has and EVENTS has not; `range`: events that were purged before this Postgres had
    them; `end`: executions that stand as open while how they ended is lost.
    """

    kind: str
    count: int
    since: datetime
    first: tuple[str, ...] = ()
    """The first of them, in words."""
