"""Who blocks the loop is found from another thread: where, how long, and whose code it is."""

import asyncio
import threading
import time
from typing import Self

from onward.telemetry import scope
from onward.worker.blocked import Blocked, LoopWatch


class Watcher:
    """Looks from a thread of its own until it is left."""

    def __init__(self) -> None:
        self.news: list[Blocked] = []
        self._watch = LoopWatch(self.news.append, time.monotonic, patience=0.1)
        self._end, self._thread = threading.Event(), threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._end.wait(0.01):
            self._watch.look()

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end.set()
        await asyncio.to_thread(self._thread.join)

    async def over(self) -> Blocked:
        async with asyncio.timeout(5):
            while not self.news or not self.news[-1].over:
                await asyncio.sleep(0.01)
        return self.news[-1]


def compute() -> None:
    time.sleep(0.5)


async def test_a_blocked_loop_is_told_while_it_lasts_and_at_its_end_with_place_and_execution() -> None:
    async def work() -> None:
        compute()

    async with Watcher() as watcher:
        context = scope.about("e-1")
        await asyncio.gather(asyncio.get_running_loop().create_task(work(), context=context))
        over = await watcher.over()

    line = compute.__code__.co_firstlineno + 1
    assert over.where == f"tests/unit/worker/test_blocked.py:{line} compute"
    assert {found.execution_id for found in watcher.news} == {"e-1"}
    assert not watcher.news[0].over
    assert 0.1 <= watcher.news[0].seconds < 0.4 < over.seconds < 1.0
    assert len(watcher.news) <= 4  # at 0.1, 0.2 and 0.4 s, and at the end


async def test_the_place_is_the_authors_code_also_where_it_called_into_a_library() -> None:
    async with Watcher() as watcher:
        threading.Event().wait(0.3)
        over = await watcher.over()
    assert over.where.startswith("tests/unit/worker/test_blocked.py:")


async def test_a_loop_that_waits_is_not_blocked() -> None:
    async with Watcher() as watcher:
        await asyncio.sleep(0.4)
    assert watcher.news == []
