"""Log lines on their way from the threads that write them to the loop that sends them: bounded, never blocking it."""

import threading
from collections import deque
from datetime import datetime

import msgspec

from onward.contract.lines import MAX_CHUNK

MAX_LINES, MAX_BYTES = 10_000, 1024 * 1024
"""What does not fit is dropped, counted, and told in a marker line."""
PATIENCE = 0.5
"""Seconds that a thread waits for room before its lines are dropped; the event loop never waits."""
_OVERHEAD = 130  # what the JSON of a line holds beside its text, about


class Entry(msgspec.Struct, frozen=True):
    """A line that has no number yet; `dropped` is for markers: how many lines are missing at its place."""

    at: datetime
    level: str
    stream: str
    step: str | None
    text: str
    dropped: int = 0


def marker(at: datetime, dropped: int) -> Entry:
    """The line that stands where lines were dropped."""
    text = f"{dropped} lines were dropped here: they were written faster than the log could be stored"
    return Entry(at, "warning", "system", None, text, dropped)


class LineBuffer:
    """Filled from any thread, emptied by the one that made it."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._lock = threading.Condition(threading.Lock())
        self._loop_thread = threading.get_ident()
        self._size = self._missing = 0
        self._closed = self._impatient = False
        self.refused = 0
        """Lines that came when there was no room, or after the end."""

    def __len__(self) -> int:
        return len(self._entries) + self._missing

    @property
    def fills_a_chunk(self) -> bool:
        """Whether it is time to send, however young the lines are."""
        return self._size >= MAX_CHUNK

    @property
    def half_empty(self) -> bool:
        """Whether there is room for a while."""
        return self._size <= MAX_BYTES // 2 and len(self._entries) <= MAX_LINES // 2

    def put(self, entry: Entry) -> bool:
        """Add a line; False where it is refused."""
        size = len(entry.text) + _OVERHEAD
        with self._lock:
            if self._closed or (self._is_full(size) and not self._found_room(size)):
                self._missing += not self._closed
                self.refused += 1
                return False
            self._entries.append(entry)
            self._size += size
            return True

    def peek(self, place: int) -> Entry | None:
        """The line at `place` from the front."""
        return self._entries[place] if place < len(self._entries) else None

    def take(self, count: int, now: datetime) -> list[Entry]:
        """Remove `count` lines from the front; where lines were refused, their marker is behind what is left."""
        with self._lock:
            taken = [self._entries.popleft() for _ in range(count)]
            self._size -= sum(len(entry.text) + _OVERHEAD for entry in taken)
            if self._missing:
                self._entries.append(marker(now, self._missing))
                self._size += _OVERHEAD * 2
                self._missing = 0
            self._impatient = False
            self._lock.notify_all()
        return taken

    def lose(self, count: int) -> None:
        """Note that `count` lines which were taken could not be stored either."""
        with self._lock:
            self._missing += count

    def close(self) -> None:
        """Refuse all that comes now."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()

    def _is_full(self, size: int) -> bool:
        return self._size + size > MAX_BYTES or len(self._entries) >= MAX_LINES

    def _found_room(self, size: int) -> bool:
        if self._impatient or threading.get_ident() == self._loop_thread:
            return False
        found = self._lock.wait_for(lambda: self._closed or not self._is_full(size), PATIENCE)
        self._impatient = not found
        return found and not self._closed
