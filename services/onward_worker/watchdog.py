"""A thread with a loop and a connection of its own: it speaks for the worker while code blocks the main loop.

It renews leases, sends heartbeats, answers "do you still run this?", and reports who blocks the loop. It ends with the
process, and stands still with it: a paused process loses its leases, as it should.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
import time
from collections.abc import Callable

from onward.bus.pulse import Pulse, open_pulse
from onward.process.metrics import Metrics
from onward.worker.attempt import Env
from onward.worker.blocked import Blocked, LoopWatch
from onward.worker.engine import Engine
from onward.worker.keeper import About, Keeper

log = logging.getLogger("onward.worker")

LOOK_SECONDS = 0.1
_READY_SECONDS = 40.0


def connection_name(worker_id: str) -> str:
    """The name of a watchdog's connection; never that of a worker."""
    return f"{worker_id}.watchdog"


class Watchdog:
    """Made on the main loop, by the thread that runs it."""

    def __init__(
        self, url: str, engine: Engine, about: About, metrics: Metrics, fail: Callable[[str], None]
    ) -> None:
        self._url, self._engine, self._about, self._fail = url, engine, about, fail
        self._main = asyncio.get_running_loop()
        self._watch = LoopWatch(self._tell, time.monotonic)
        self._ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._ended = threading.Event()
        self._end: Callable[[], object] = lambda: None
        self._times = metrics.counter("onward_worker_loop_blocked_total", "Times that code blocked the loop")
        self._seconds = metrics.counter("onward_worker_loop_blocked_seconds_total", "How long it was blocked")
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    async def start(self) -> None:
        """Returns when it speaks for the worker. Raises Misconfigured, Unavailable."""
        self._thread.start()
        await asyncio.wait_for(asyncio.wrap_future(self._ready), _READY_SECONDS)

    async def stop(self) -> None:
        """Say nothing any more."""
        self._ended.set()
        self._end()
        await asyncio.to_thread(self._thread.join, 5.0)

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            elif not self._ended.is_set():
                log.exception("the watchdog broke")
                self._fail(f"the watchdog broke: {error!r}")

    async def _live(self) -> None:
        env, loop, asked = self._engine.env, asyncio.get_running_loop(), asyncio.Event()
        closed = "the watchdog's connection to NATS is closed for good"
        pulse = await open_pulse(
            self._url,
            connection_name(env.owner.worker_id),
            lambda: None if asked.is_set() else self._fail(closed),
        )
        keeper = self._keeper(env, pulse)
        pulse.connection.watchers.append(lambda connected: keeper.back() if connected else None)
        await keeper.start()
        tasks = [loop.create_task(each) for each in (*keeper.loops(), self._look_on(), _set(asked))]
        self._end = lambda: loop.call_soon_threadsafe(asked.set)
        self._ready.set_result(None)
        done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        with contextlib.suppress(Exception):
            await pulse.close()
        for task in done:
            task.result()

    def _keeper(self, env: Env, pulse: Pulse) -> Keeper:
        return Keeper(
            env,
            self._about,
            self._engine.leases,
            self._engine.orders,
            self._engine.usage,
            renew=pulse.renew,
            messages=pulse.messages,
            look=self._look_at_logs,
        )

    async def _look_at_logs(self) -> bool:
        """The main loop reads them, and only it may; a blocked one cannot."""
        looking = asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self._engine.look_at_all(), self._main)
        )
        done, _ = await asyncio.wait({looking}, timeout=self._engine.leases.terms.renew_every)
        return bool(done) and looking.result()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._watch.look()

    def _tell(self, blocked: Blocked) -> None:
        text = f"the event loop was blocked for {blocked.seconds:.1f} s"
        text += f" by {blocked.where}" if blocked.over else f" so far by {blocked.where}"
        log.warning(text, extra={"execution_id": blocked.execution_id})
        running = self._engine.env.holds.get(blocked.execution_id or "")
        if blocked.over:
            self._times.add()
            self._seconds.add(blocked.seconds)
        if running is not None:
            advice = " (nothing else moved meanwhile: make it a plain def, or process=True)"
            running.writer.write("warning", "system", text + (advice if blocked.over else ""))


async def _set(event: asyncio.Event) -> None:
    await event.wait()
