"""One supervised child process, from its first start to its last stop."""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

from onward.process import log_file
from onward.process.backoff import full_jitter
from onward.process.child_spec import ChildEnded, ChildFailed, ChildLoops, ChildReady, ChildSpec, Report
from onward.process.settings import MISCONFIGURED
from onward.process.spawn import ended, spawn

log = logging.getLogger(__name__)

_PROBE_SECONDS = 0.02
_STEADY_SECONDS = 10.0  # who ran this long after being ready starts over with a clean slate
_START_TRIES = 2
_CRASH_LOOP = 5
_REAP_SECONDS = 10.0


class Child:
    """Runs one child until it is stopped, however often it has to be started."""

    def __init__(self, spec: ChildSpec, report: Callable[[Report], None]) -> None:
        self.spec = spec
        self._report = report
        self._process: subprocess.Popen[bytes] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._first_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._failures = 0
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """Returns the pid while the child runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Starts keeping the child alive."""
        self._keeping = asyncio.create_task(self._keep(), name=f"keep {self.spec.name}")

    async def ready(self) -> None:
        """Waits until the child was ready once; raises when it can't be started."""
        await asyncio.shield(self._first_ready)

    async def stop(self) -> None:
        """Stops the child step by step, and returns when it is gone."""
        self._stopping.set()
        process = self._process
        for step in self.spec.stop if process else ():
            self._signal(step.signal)
            if await self._gone(step.grace_seconds):
                break
        else:
            self._kill_group()
        if self._keeping:
            await asyncio.wait({self._keeping}, timeout=_REAP_SECONDS)
            self._keeping.cancel()
        if not self._first_ready.cancel():
            self._first_ready.exception()  # seen, even if nobody waited for it

    async def _keep(self) -> None:
        while not self._stopping.is_set():
            code, why = await self._once()
            if self._stopping.is_set():
                return
            again_in = self._again_in(code)
            self._report(ChildEnded(self.spec.name, code, why, self.spec.log, again_in))
            if again_in is None:
                self._first_ready.set_exception(self._failed(why))
                return
            if self._failures == _CRASH_LOOP:
                lines = tuple(log_file.tail(self.spec.log, after=self._log_start))
                self._report(ChildLoops(self.spec.name, self._failures, self.spec.log, lines))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(again_in):
                    await self._stopping.wait()

    def _again_in(self, code: int | None) -> float | None:
        """Returns after how many seconds to start again; nothing for a child that could never be started."""
        self._failures += 1
        if not self._first_ready.done() and (code == MISCONFIGURED or self._failures >= _START_TRIES):
            return None
        return full_jitter(self._failures, first=0.4, cap=5.0)

    def _failed(self, why: str) -> ChildFailed:
        said = "\n".join(f"  {line}" for line in log_file.tail(self.spec.log, after=self._log_start))
        return ChildFailed(f"{self.spec.name} {why}; it said:\n{said}", fix=f"see {self.spec.log}")

    async def _once(self) -> tuple[int | None, str]:
        """Runs the child once; returns its exit code and what to say about its end."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            self._process = process = self._spawn()
        except OSError as error:
            return None, f"could not be started: {error}"
        over = asyncio.ensure_future(ended(process))
        try:
            if not await self._became_ready(process.pid, over):
                return None, f"was not ready within {self.spec.ready_seconds:.0f} s"
            ready_at = loop.time()
            if not over.done():
                self._announce(process.pid, ready_at - began)
            code = await over
            if loop.time() - ready_at >= _STEADY_SECONDS:
                self._failures = 0
            return code, f"ended with {_said(code)} after {loop.time() - began:.1f} s"
        finally:
            if not over.done():
                self._kill_group()
                await over
            self._process = None

    async def _became_ready(self, pid: int, over: asyncio.Future[Any]) -> bool:
        """Says false for a child that runs without getting ready in time."""
        readying: asyncio.Future[Any] = asyncio.ensure_future(self._until_ready(pid))
        try:
            await asyncio.wait(
                {over, readying}, timeout=self.spec.ready_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            return over.done() or readying.done()
        finally:
            readying.cancel()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        out = log_file.open_to_append(self.spec.log)
        self._log_start = os.fstat(out).st_size
        try:
            return spawn(
                self.spec.argv,
                env=self.spec.env,
                out=out,
                cwd=self.spec.cwd,
                death=self.spec.death,
                owner=self.spec.owner,
                keep=self.spec.keep,
            )
        finally:
            os.close(out)

    async def _until_ready(self, pid: int) -> None:
        while not await self._asked(pid):  # noqa: ASYNC110 -- another program cannot set our event
            await asyncio.sleep(_PROBE_SECONDS)

    async def _asked(self, pid: int) -> bool:
        try:
            return await self.spec.ready(pid)
        except Exception:
            log.exception("asking %s whether it is ready failed", self.spec.name)
            return False

    def _announce(self, pid: int, seconds: float) -> None:
        self._report(ChildReady(self.spec.name, pid, seconds))
        if not self._first_ready.done():
            self._first_ready.set_result(None)

    async def _gone(self, seconds: float) -> bool:
        if self._keeping:
            await asyncio.wait({self._keeping}, timeout=seconds)
        return self._keeping is None or self._keeping.done()

    def _signal(self, number: signal.Signals) -> None:
        # Not yet reaped while it is ours, so the pid is its own.
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def _kill_group(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _said(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
