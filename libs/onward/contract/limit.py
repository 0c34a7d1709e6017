"""A limit as an author, a caller or a stored message names it."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import msgspec

from onward.contract.resource import Resource

QUEUE, TASK, DEBOUNCE = "queue:", "task:", "debounce:"
"""Keys that begin so are made by Onward, and never taken from a user."""
FullStrategy = Literal["wait", "drop_newest", "cancel_oldest", "replace"]
MOST_HOLDERS = 5000
"""A key's state is one message, and names each holder."""


class LimitPolicy(msgspec.Struct, frozen=True, omit_defaults=True):
    """At most `max` executions hold `key`, at most `rate` start within `per` seconds; `full` says what then happens."""

    key: str
    max: int | None = None
    rate: int | None = None
    per: float = 1.0
    full: str = "wait"


def returned(limits: Iterable[LimitPolicy]) -> tuple[str, ...]:
    """The keys that are given back while no worker is needed: those of `max_running`."""
    return tuple(limit.key for limit in limits if limit.key.startswith((QUEUE, TASK)))


class Limit(LimitPolicy, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A limit as somebody asks for it: checked. The key may name members of the input: `customer:{customer_id}`.

    When full, the new execution waits (`wait`), is cancelled (`drop_newest`), takes the place of the oldest one, which
    is cancelled (`cancel_oldest`), or waits in place of those that waited with this key (`replace`).
    """

    full: FullStrategy = "wait"

    def __post_init__(self) -> None:
        if not 1 <= len(self.key) <= 256 or not self.key.isprintable():
            raise ValueError("a limit's key has 1 to 256 printable characters")
        if self.key.startswith((QUEUE, TASK, DEBOUNCE)):
            raise ValueError("keys that begin with queue:, task: or debounce: are Onward's own")
        if self.max is None and self.rate is None:
            raise ValueError("a limit says max, rate, or both")
        if self.max is not None and not 1 <= self.max <= MOST_HOLDERS:
            raise ValueError(f"max is 1 to {MOST_HOLDERS}")
        if self.rate is not None and not 1 <= self.rate <= 1_000_000:
            raise ValueError("rate is 1 to 1000000")
        if not 0.001 <= self.per <= 86_400:
            raise ValueError("per is 0.001 to 86400 seconds")


class Debounce(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Submissions with the same `key` collapse into the newest; it starts `wait` seconds after it came."""

    key: str
    wait: float

    def __post_init__(self) -> None:
        if not 1 <= len(self.key) <= 200 or not self.key.isprintable():
            raise ValueError("the key of a debounce has 1 to 200 printable characters")
        if not 0 < self.wait <= 31_536_000:
            raise ValueError("wait is above 0 and at most 31536000 s (a year)")


class LimitSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """What an operator says about a key, in place of what executions say: CONFIG kind `limit`.

    Its name follows from the key (ids.limit_id), which may be any text.
    """

    KIND: ClassVar[str] = "limit"

    name: str = ""
    key: str
    max: int | None = None
    rate: int | None = None
    per: float | None = None

    def on(self, limit: LimitPolicy) -> LimitPolicy:
        """The limit with these numbers."""
        given = {"max": self.max, "rate": self.rate, "per": self.per}
        return msgspec.structs.replace(limit, **{name: n for name, n in given.items() if n is not None})
