"""An installation in memory as the tests of the worker use it: submit, run, look at the log."""

from random import Random
from typing import Any

from onward.contract import events as ev
from onward.contract.execution import Execution
from onward.tasks.registry import Registry
from onward.testing.bus import MemoryBus
from onward.testing.installation import Installation
from onward.worker.engine import Engine


class Workshop(Installation):
    """An installation with real leases, in the time of the loop it runs on."""

    def __init__(self, registry: Registry, seed: int = 0, **options: Any) -> None:
        super().__init__(registry, MemoryBus(Random(seed), **options))

    @property
    def engines(self) -> dict[str, Engine]:
        """The engines of its workers."""
        return {name: worker.engine for name, worker in self.workers.items()}

    async def ended(self, execution_id: str, within: float = 60.0) -> Execution:
        """The execution once its outcome stands."""
        return await self.until(execution_id, lambda state: state.ended, within)

    async def until(self, execution_id: str, is_so: Any, within: float | None = 60.0) -> Execution:
        """The execution once `is_so(state)`; looks after every event of it."""
        return await super().until(execution_id, is_so, within)

    async def types(self, execution_id: str) -> list[str]:
        """The types of its events, in order."""
        return [ev.event_type(stored.event) for stored in (await self.log(execution_id)).stored]
