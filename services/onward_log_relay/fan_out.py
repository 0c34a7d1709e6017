"""Everybody who watches the same execution shares one upstream; it ends when the last one leaves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from onward.bus.ports import Lines, Messages
from onward_log_relay.states import States
from onward_log_relay.watch import Watch


class _Shared:
    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.watchers = 0
        self.started = asyncio.ensure_future(watch.start())


class Watches:
    """The executions that are watched just now."""

    def __init__(self, lines: Lines, messages: Messages, states: States) -> None:
        self._lines, self._messages, self._states = lines, messages, states
        self._shared: dict[tuple[str, str], _Shared] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.watchers = 0

    def __len__(self) -> int:
        return len(self._shared)

    @contextlib.asynccontextmanager
    async def of(self, project: str, execution_id: str) -> AsyncIterator[Watch]:
        """The one watch of this execution. Raises NotFound, Unavailable."""
        key = project, execution_id
        shared = self._shared.get(key)
        if shared is None:
            watch = Watch(self._lines, self._messages, self._states, project, execution_id)
            shared = self._shared[key] = _Shared(watch)
        shared.watchers += 1
        self.watchers += 1
        try:
            await asyncio.shield(shared.started)
            yield shared.watch
        finally:
            shared.watchers -= 1
            self.watchers -= 1
            if not shared.watchers:
                self._shared.pop(key, None)
                self._close(shared)

    def _close(self, shared: _Shared) -> None:
        async def close() -> None:
            shared.started.cancel()
            await asyncio.gather(shared.started, return_exceptions=True)
            await shared.watch.close()

        task = asyncio.get_running_loop().create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
