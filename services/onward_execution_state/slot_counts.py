"""What workers counted of their slots, as heard in their heartbeats, until it is in Postgres."""

from collections import deque
from datetime import datetime, timedelta

from onward.contract.submission import Heartbeat
from onward.contract.utilisation import Count

FORGET_AFTER = timedelta(hours=1)
_MOST = 120
"""Counts of one worker that are kept: with older ones missing, what they told is spread evenly."""


class SlotCounts:
    """The last counts of each worker."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[Heartbeat, deque[Count]]] = {}

    def hear(self, beat: Heartbeat, now: datetime) -> None:
        """One heartbeat."""
        _, counts = self._counts.get(beat.worker_id) or (beat, deque(maxlen=_MOST))
        counts.append(Count(at=now, available=beat.available, busy=beat.busy))
        self._counts[beat.worker_id] = (beat, counts)

    def workers(self) -> list[tuple[Heartbeat, list[Count]]]:
        """Each worker's last heartbeat, with its counts."""
        return [(beat, list(counts)) for beat, counts in self._counts.values() if counts]

    def forget(self, now: datetime) -> None:
        """Drop the counts of who was not heard for long."""
        for worker_id, (_, counts) in list(self._counts.items()):
            if now - counts[-1].at > FORGET_AFTER:
                del self._counts[worker_id]
