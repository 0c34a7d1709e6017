"""Which workers are there, by their heartbeats."""

from collections.abc import Callable

import msgspec

from onward.contract import subjects
from onward.contract.submission import Heartbeat

GONE_SECONDS = 10.0


class Presence:
    """The workers heard lately; `clock` counts seconds, and is asked at every look."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[float, Heartbeat]] = {}
        self._listens: dict[tuple[str, str, str], float] = {}

    async def heard(self, subject: str, data: bytes) -> None:
        """One heartbeat; one that speaks for another worker is not believed."""
        try:
            beat = msgspec.json.decode(data, type=Heartbeat)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return
        if subject != subjects.heartbeat(beat.project, beat.worker_id):
            return
        now = self._clock()
        self._seen[beat.worker_id] = (now, beat)
        if not (beat.draining or beat.paused):
            for queue in beat.queues:
                for task in beat.tasks:
                    self._listens[beat.project, queue, task] = now
        self._forget(now)

    def listens(self, project: str, queue: str, task: str) -> bool:
        """Whether some worker would take this task from this queue now."""
        last = self._listens.get((project, queue, task))
        return last is not None and self._clock() - last <= GONE_SECONDS

    def workers(self, project: str) -> list[Heartbeat]:
        """The last sign of life of each worker that is there."""
        self._forget(self._clock())
        return [beat for _, beat in self._seen.values() if beat.project == project]

    def queues(self, project: str) -> set[str]:
        """Every queue that some worker takes from."""
        return {queue for beat in self.workers(project) for queue in beat.queues}

    def _forget(self, now: float) -> None:
        for worker_id, (at, _) in list(self._seen.items()):
            if now - at > GONE_SECONDS:
                del self._seen[worker_id]
        if len(self._listens) > 10_000:
            self._listens = {key: at for key, at in self._listens.items() if now - at <= GONE_SECONDS}
