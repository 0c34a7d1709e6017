"""Who works: the workers as their heartbeats tell."""

from datetime import datetime, timedelta

import msgspec

from onward.contract.submission import Heartbeat
from onward.contract.workers import WorkerView, shown
from onward_execution_state.slot_counts import SlotCounts

GONE_AFTER = timedelta(seconds=10)
FORGOTTEN_AFTER = timedelta(hours=1)


class Workers:
    """The workers heard of in the last hour; times are those at which their heartbeats came in."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._heard: dict[str, tuple[Heartbeat, datetime]] = {}
        self._dead: set[str] = set()
        self.counts = SlotCounts()

    def hear(self, data: bytes, now: datetime) -> Heartbeat | None:
        """Takes in a heartbeat; None for what is none."""
        try:
            beat = msgspec.json.decode(data, type=Heartbeat)
        except msgspec.MsgspecError:
            return None
        # Its connection may have been lost without it.
        self._dead.discard(beat.worker_id)
        self._heard[beat.worker_id] = (beat, now)
        self.counts.hear(beat, now)
        return beat

    def ended(self, worker_id: str) -> None:
        """Its connection has ended: it counts as gone, unless it is heard again."""
        self._dead.add(worker_id)

    def alive(self, worker_id: str, now: datetime) -> bool:
        """Whether it was heard of lately; everybody is until we have listened long enough to know."""
        if worker_id in self._dead:
            return False
        if now - self._since < 2 * GONE_AFTER:
            return True
        heard = self._heard.get(worker_id)
        return heard is not None and now - heard[1] < GONE_AFTER

    def holds(self, worker_id: str, execution_id: str, now: datetime) -> bool:
        """Whether it is alive and does not say that it holds something else."""
        heard = self._heard.get(worker_id)
        return self.alive(worker_id, now) and (heard is None or execution_id in heard[0].holds)

    def of_project(self, project: str, now: datetime) -> list[WorkerView]:
        """All of a project, by id."""
        self._forget(now)
        return [
            self._view(beat, seen, now)
            for _, (beat, seen) in sorted(self._heard.items())
            if beat.project == project
        ]

    def knows(self, now: datetime, after: timedelta) -> bool:
        """Whether it has listened long enough to know who is there."""
        return now - self._since >= after

    def listening(self, project: str, queue: str, now: datetime) -> int:
        """How many workers take from a queue."""
        views = self.of_project(project, now)
        return sum(queue in view.queues for view in views if view.status == "listening")

    def _view(self, beat: Heartbeat, seen: datetime, now: datetime) -> WorkerView:
        return shown(beat, seen, gone=beat.worker_id in self._dead or now - seen >= GONE_AFTER)

    def _forget(self, now: datetime) -> None:
        for worker_id, (_, seen) in list(self._heard.items()):
            if now - seen > FORGOTTEN_AFTER:
                del self._heard[worker_id]
        self._dead &= self._heard.keys()
