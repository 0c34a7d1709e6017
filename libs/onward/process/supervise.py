"""Keeps child processes running: starts them, waits for them, restarts them, stops them in order."""

import asyncio
import itertools
from collections.abc import Callable

from onward.process.child import Child
from onward.process.child_spec import ChildSpec, Report


class Supervisor:
    """The children of one process; none of them outlives it, however it ends."""

    def __init__(self, report: Callable[[Report], None]) -> None:
        self._report = report
        self._children: list[Child] = []

    @property
    def pids(self) -> dict[str, int]:
        """Returns the pids of the children that run now."""
        return {child.spec.name: child.pid for child in self._children if child.pid is not None}

    async def start(self, *specs: ChildSpec) -> None:
        """Starts children together and returns when all are ready; raises `ChildFailed` when one can't be."""
        children = [Child(spec, self._report) for spec in specs]
        self._children += children
        for child in children:
            child.start()
        ready = [asyncio.ensure_future(child.ready()) for child in children]
        try:
            await asyncio.gather(*ready)
        finally:
            for waiting in ready:
                waiting.cancel()

    async def stop(self) -> None:
        """Stops all children, the highest stage first, and those of one stage together."""
        by_stage = sorted(self._children, key=lambda child: -child.spec.stage)
        for _, stage in itertools.groupby(by_stage, key=lambda child: child.spec.stage):
            await asyncio.gather(*(child.stop() for child in stage))
        self._children.clear()
