"""The leases of a worker: what it holds, how long the queue waits for a sign of life, and when it last gave one."""

import time
from collections.abc import Callable

import msgspec

from onward.contract.decide import Hint


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """How long the queue waits for a sign of life of a held hint, in seconds."""

    ack_wait: float = 20.0

    @property
    def renew_every(self) -> float:
        """A third of it: two renewals may get lost."""
        return self.ack_wait / 3

    @property
    def stale_after(self) -> float:
        """Never ack when the last renewal is older than this (PROTOCOL H3)."""
        return self.ack_wait * 0.8


def boot_clock() -> float:
    """Seconds on a clock that also counts while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Leases:
    """Filled by the engine, renewed by its keeper, which may be another thread: every act on it is a single one."""

    def __init__(self, terms: Lease, clock: Callable[[], float]) -> None:
        self.terms, self.clock = terms, clock
        self._held: dict[str, Hint] = {}
        self.renewed = clock()
        """When the last renewal was sent."""
        self.draining = False
        """Whether no more are taken."""

    def hold(self, hint: Hint) -> None:
        """Keep this hint from others."""
        self._held[hint.ack_subject] = hint

    def drop(self, hint: Hint) -> None:
        """Renew it no more."""
        self._held.pop(hint.ack_subject, None)

    def held(self) -> list[str]:
        """The ack subjects of what is held now."""
        return list(self._held)

    @property
    def gap(self) -> bool:
        """Whether there was no sign of life for so long that others may have taken over (PROTOCOL H3)."""
        return self.clock() - self.renewed >= self.terms.stale_after
