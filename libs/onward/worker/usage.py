"""How much of its slots a worker uses: milliseconds, counted from its start and never back, by the queue they go to.

Utilisation is what was used over what was there: a slot is there while its worker may take into it, or it is used.
"""

import threading
from collections.abc import Callable, Iterable

import msgspec


class Used(msgspec.Struct, frozen=True):
    """The counts at one moment, in slot-milliseconds."""

    available: int
    busy: dict[str, int]


class Usage:
    """Counted by the engine's thread, read by the keeper's."""

    def __init__(self, clock: Callable[[], float], slots: int, queues: Iterable[str]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._taking = slots
        self._running: dict[str, int] = dict.fromkeys(queues, 0)
        self._available, self._busy = 0.0, dict.fromkeys(self._running, 0.0)
        self._counted = clock()

    def begun(self, queue: str) -> None:
        """A slot is used for this queue from now on."""
        with self._lock:
            self._count()
            self._running[queue] = self._running.get(queue, 0) + 1

    def ended(self, queue: str) -> None:
        """A slot is free again."""
        with self._lock:
            self._count()
            self._running[queue] -= 1

    def offer(self, slots: int) -> None:
        """So many slots may be taken into from now on; 0 while it takes nothing."""
        with self._lock:
            self._count()
            self._taking = slots

    def read(self) -> Used:
        """The counts, up to now."""
        with self._lock:
            self._count()
            busy = {queue: int(seconds * 1000) for queue, seconds in self._busy.items()}
            return Used(int(self._available * 1000), busy)

    def _count(self) -> None:
        now = self._clock()
        passed, self._counted = now - self._counted, now
        running = 0
        for queue, count in self._running.items():
            if count:
                running += count
                self._busy[queue] = self._busy.get(queue, 0.0) + passed * count
        self._available += passed * max(self._taking, running)
