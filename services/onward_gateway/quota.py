"""Whether a project may add to what waits: beyond its quota a submission gets 429, and when to come back.

A look at the queues every second, and what was taken in here since: so the limit holds to what other gateways take in
within one second.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime

import msgspec

from onward.contract.quota import Backlog, QuotaSpec, looked, over
from onward.http.problems import TooManyRequests

Look = Callable[[str, QuotaSpec], Awaitable[tuple[int, int]]]
"""What waits in a project's queues: executions, and about how many bytes; below the quota no less than that.

Raises Unavailable.
"""


class _Project(msgspec.Struct):
    """What is known of a project since the last look."""

    backlog: Backlog | None = None
    came: int = 0
    came_bytes: int = 0
    looked_for: bool = True


class Quotas:
    """The backlog of each project that has a quota and submits."""

    def __init__(
        self, look: Look, quota: Callable[[str], QuotaSpec | None], clock: Callable[[], float]
    ) -> None:
        self._look, self._quota, self._clock = look, quota, clock
        self._projects: dict[str, _Project] = {}

    @contextlib.contextmanager
    def adding(self, project: str, size: int) -> Iterator[None]:
        """The time in which one more is added, with an input of so many bytes; what fails in it does not count.

        Raises TooManyRequests where nothing more may wait. Before the first look everything may.
        """
        quota = self._quota(project)
        if quota is None:
            yield
            return
        known = self._projects.setdefault(project, _Project())
        known.looked_for = True
        _check(known, quota)
        known.came += 1
        known.came_bytes += size
        try:
            yield
        except BaseException:
            known.came -= 1
            known.came_bytes -= size
            raise

    async def look(self, _now: datetime) -> None:
        """One round of a loop: the projects that submitted since the last one. Raises Unavailable."""
        for project, known in list(self._projects.items()):
            quota = self._quota(project)
            if quota is None or not known.looked_for:
                del self._projects[project]
                continue
            before, before_bytes = known.came, known.came_bytes
            waiting, size = await self._look(project, quota)
            known.backlog = looked(known.backlog, waiting, size, came=before, now=self._clock())
            known.came -= before
            known.came_bytes -= before_bytes
            # Kept for another round, so that a steady stream of submissions is measured and not guessed.
            known.looked_for = bool(waiting or known.came)


def _check(known: _Project, quota: QuotaSpec) -> None:
    if known.backlog is None:
        return
    now = msgspec.structs.replace(
        known.backlog,
        waiting=known.backlog.waiting + known.came,
        bytes=known.backlog.bytes + known.came_bytes,
    )
    if (full := over(now, quota)) is not None:
        fix = "start workers, wait, or raise the quota: onward quota update backlog"
        raise TooManyRequests(full.what, fix=fix, retry_after=full.retry_after)
