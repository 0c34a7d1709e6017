"""Again after d, or give up: the retry policy and the arithmetic of backoff."""

from collections.abc import Callable

import msgspec


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often and how patiently a failed attempt is tried again, as it stands in stored messages.

    `attempts` counts the first try; `first` and `cap` are seconds; with full jitter the delay before try k + 1 is drawn
    from 0 to min(cap, first * factor ** (k - 1)). `max_elapsed` seconds after the beginning of a life there is no
    further try. `never` and `only` name exception types: the one excludes, the other admits. Fields of a newer release
    are no error here.
    """

    attempts: int = 3
    first: float = 2.0
    factor: float = 2.0
    cap: float = 300.0
    jitter: bool = True
    max_elapsed: float | None = None
    never: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def delay(self, failures: int, random: Callable[[], float]) -> float | None:
        """Seconds until the next try after `failures` failures (1 or more), or None: give up."""
        if failures >= self.attempts:
            return None
        longest = min(self.cap, self.first * self.factor ** min(failures - 1, 64))
        return longest * random() if self.jitter else longest


class Retry(RetryPolicy, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A retry policy as somebody asks for it: checked."""

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= 1000:
            raise ValueError("attempts must be 1 to 1000")
        if not (0 <= self.first <= 86_400 and 1 <= self.factor <= 100 and 0 <= self.cap <= 604_800):
            raise ValueError("first must be 0 to 86400 s, factor 1 to 100, cap 0 to 604800 s")


ONCE = Retry(attempts=1)
