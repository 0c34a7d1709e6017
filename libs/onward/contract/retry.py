"""Again after d, or give up: the retry policy and the arithmetic of backoff."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    ExceptionTypes = tuple[str | type[BaseException], ...]
else:
    # An author gives exception classes; what is stored, and sent over REST, is their names.
    ExceptionTypes = tuple[str, ...]


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often and how patiently a failed attempt is tried again, as it stands in stored messages.

    `attempts` counts the first try; `first` and `cap` are seconds; with full jitter the delay before try k + 1 is drawn
    from 0 to min(cap, first * factor ** (k - 1)). `max_elapsed` seconds after the beginning of a life there is no
    further try. `never` and `only` name exception types, of which subclasses are meant as well: the one excludes, the
    other admits. Fields of a newer release are no error here.
    """

    attempts: int = 3
    first: float = 2.0
    factor: float = 2.0
    cap: float = 300.0
    jitter: bool = True
    max_elapsed: float | None = None
    never: ExceptionTypes = ()
    only: ExceptionTypes = ()

    def delay(self, failures: int, random: Callable[[], float]) -> float | None:
        """Seconds until the next try after `failures` failures (1 or more), or None: give up."""
        if failures >= self.attempts:
            return None
        longest = min(self.cap, self.first * self.factor ** min(failures - 1, 64))
        return longest * random() if self.jitter else longest

    def admits(self, error: type[BaseException]) -> bool:
        """Whether an exception of this type is worth another try, however many are left."""
        names = names_of(error)
        return names.isdisjoint(self.never) and (not self.only or not names.isdisjoint(self.only))


class Retry(RetryPolicy, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A retry policy as somebody asks for it: checked."""

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= 1000:
            raise ValueError("attempts must be 1 to 1000")
        if not (0 <= self.first <= 86_400 and 1 <= self.factor <= 100 and 0 <= self.cap <= 604_800):
            raise ValueError("first must be 0 to 86400 s, factor 1 to 100, cap 0 to 604800 s")
        if self.max_elapsed is not None and not 0 < self.max_elapsed <= 31_536_000:
            raise ValueError("max_elapsed must be above 0 and at most 31536000 s (a year)")
        for field in ("never", "only"):
            named = tuple(_named(field, given) for given in getattr(self, field))
            msgspec.structs.force_setattr(self, field, named)


def _named(field: str, given: object) -> str:
    """The name that a policy keeps of an exception type."""
    if isinstance(given, type) and issubclass(given, BaseException):
        return _full_name(given)
    if isinstance(given, str) and 0 < len(given) <= 200:
        return given
    raise ValueError(f"{field} must be exception types, or their names of at most 200 characters")


def _full_name(kind: type) -> str:
    plain = kind.__module__ in ("builtins", "__main__")
    return kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"


def names_of(error: type[BaseException]) -> frozenset[str]:
    """Every name that a policy may call this type, or one it inherits from: simple, qualified, with its module."""
    kinds = [kind for kind in error.__mro__ if kind is not object]
    return frozenset(name for kind in kinds for name in (kind.__name__, kind.__qualname__, _full_name(kind)))


ONCE = Retry(attempts=1)
