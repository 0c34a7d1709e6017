"""A worker: takes hints into free slots, runs them, keeps their leases, and is the one place that acts on verdicts."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from datetime import datetime

import msgspec

from onward.bus.ports import HintSource, Messages
from onward.contract import subjects
from onward.contract.decide import Hint
from onward.contract.errors import BrokenLog, OnwardError, Unavailable
from onward.contract.submission import Heartbeat
from onward.telemetry import scope
from onward.worker.attempt import Ack, Again, Env, LetGo, Running, Verdict, attend, notice

log = logging.getLogger("onward.worker")

SLOWEST = 2.0
"""Seconds that a hint this worker can do nothing with is kept, at most, before it goes back."""
REMEMBERED = 1000


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """How long the queue waits for a sign of life of a held hint, in seconds."""

    ack_wait: float = 20.0

    @property
    def renew_every(self) -> float:
        """A third of it: two renewals may get lost."""
        return self.ack_wait / 3

    @property
    def stale_after(self) -> float:
        """Never ack when the last renewal is older than this (PROTOCOL H3)."""
        return self.ack_wait * 0.8


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself in its heartbeats."""

    project: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    slots: int
    started_at: datetime


def boot_clock() -> float:
    """Seconds on a clock that also counts while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Engine:
    """One worker process' executions. `drain()` ends it without losing any."""

    def __init__(
        self, env: Env, hints: HintSource, messages: Messages, about: About, *, lease: Lease | None = None,
        clock: Callable[[], float] = boot_clock,
    ) -> None:  # fmt: skip
        self.env, self._hints, self._messages, self._about = env, hints, messages, about
        self._lease, self._clock = lease or Lease(), clock
        self._held: dict[str, Hint] = {}
        self._renewed = clock()
        self._attempts: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(about.slots)
        self._given_back: dict[str, int] = {}
        self._draining = False
        self._loops: list[asyncio.Task[None]] = []
        env.alive = self._alive

    @property
    def running(self) -> int:
        """Slots in use."""
        return len(self._attempts)

    async def start(self) -> None:
        """Listen, beat, renew, take."""
        project = self._about.project
        await self._messages.subscribe(subjects.owner(self.env.owner.worker_id), self._do_i_hold)
        await self._messages.subscribe(subjects.control(project, "*"), self._nudged)
        await self.beat()
        for loop in (self._take(), self._renew(), self._beat_on()):
            self._loops.append(asyncio.get_running_loop().create_task(loop))

    async def drain(self, grace: float) -> None:
        """Take no more; after `grace` seconds hand back what still runs, checkpoints kept."""
        self._draining = True
        self._loops[0].cancel()
        await self._hints.close()
        await self.beat()
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=grace)
        for running in list(self.env.holds.values()):
            running.session.interrupt("drain")
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=3 * self.env.grace)
        for task in self._loops:
            task.cancel()

    async def wait(self) -> None:
        """Returns, with its error, when one of the loops ends, which none should."""
        done, _ = await asyncio.wait(self._loops, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not task.cancelled():
                task.result()

    async def _take(self) -> None:
        while True:
            await self._free.acquire()
            self._free.release()
            try:
                hints = await self._hints.take(self._about.slots - len(self._attempts))
            except Unavailable:
                await asyncio.sleep(0.5)
                continue
            for hint in hints:
                await self._free.acquire()
                about = scope.about(hint.execution_id)
                task = asyncio.get_running_loop().create_task(self._handle(hint), context=about)
                self._attempts.add(task)
                task.add_done_callback(self._freed, context=about)

    def _freed(self, task: asyncio.Task[None]) -> None:
        self._attempts.discard(task)
        self._free.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("attempt broke", exc_info=error)

    async def _handle(self, hint: Hint) -> None:
        self._held[hint.ack_subject] = hint
        try:
            verdict = await self._verdict(hint)
            await self._settle(hint, verdict)
        finally:
            self._held.pop(hint.ack_subject, None)

    async def _verdict(self, hint: Hint) -> Verdict:
        try:
            return await attend(hint, self.env)
        except Unavailable as error:
            return LetGo() if hint.execution_id in self.env.holds else Again(str(error))
        except BrokenLog:
            log.exception("broken log: left to the reconciler")
            return Ack()
        except OnwardError as error:
            log.exception("hint refused: %s", error.code)
            return LetGo()

    async def _settle(self, hint: Hint, verdict: Verdict) -> None:
        """The one place that acks."""
        try:
            match verdict:
                case Ack() if self._clock() - self._renewed < self._lease.stale_after:
                    await self._hints.ack(hint)
                case Again(because):
                    await self._slow_down(hint, because)
                    await self._hints.give_back(hint)
                case Ack() | LetGo():
                    pass  # it comes again, or another worker carries it
        except Unavailable:
            log.warning("the queue does not answer; the hint comes again")

    async def _slow_down(self, hint: Hint, because: str) -> None:
        """Wait before a hint goes back, longer each time: hurrying would only turn it in circles."""
        times = self._given_back.pop(hint.execution_id, 0)
        if len(self._given_back) >= REMEMBERED:
            self._given_back.clear()
        self._given_back[hint.execution_id] = times + 1
        pause = min(SLOWEST, 0.02 * 2 ** min(times, 10))
        log.log(logging.INFO if times else logging.WARNING, "hint goes back in %.2f s: %s", pause, because)
        await asyncio.sleep(pause)

    async def _renew(self) -> None:
        looked = self._clock()
        while True:
            await asyncio.sleep(self._lease.renew_every)
            gap = self._clock() - self._renewed > self._lease.stale_after
            if gap or self._clock() - looked > 60:
                looked = self._clock()
                await self._look_at_all()
            try:
                sent = self._clock()
                await self._hints.renew(list(self._held))
            except Unavailable:
                continue
            self._renewed = sent

    async def _look_at_all(self) -> None:
        for running in list(self.env.holds.values()):
            await self._notice(running)
            if running.session.interrupted == "lost":
                self._held.pop(running.hint.ack_subject, None)

    async def _notice(self, running: Running) -> None:
        try:
            await notice(running)
        except (Unavailable, BrokenLog):
            log.warning("cannot read the log of %s just now", running.hold.state.id)

    async def _alive(self, worker_id: str, execution_id: str) -> bool:
        if worker_id == self.env.owner.worker_id:
            return execution_id in self.env.holds
        question = msgspec.json.encode({"execution_id": execution_id})
        for pause in (0.05, 0.15, 0.0):  # it may be reconnecting this very moment
            reply = await self._messages.ask(subjects.owner(worker_id), question, timeout=0.2)
            if reply is not None:
                return bool(json.loads(reply).get("holds"))
            await asyncio.sleep(pause)
        return False

    async def _do_i_hold(self, _: str, data: bytes) -> bytes:
        return msgspec.json.encode({"holds": json.loads(data).get("execution_id") in self.env.holds})

    async def _nudged(self, subject: str, _: bytes) -> None:
        running = self.env.holds.get(subject.rsplit(".", 1)[-1])
        if running is not None:
            await self._notice(running)

    async def beat(self) -> None:
        """Send one heartbeat."""
        a, env = self._about, self.env
        heartbeat = Heartbeat(
            worker_id=env.owner.worker_id, connection=env.owner.connection, project=a.project, host=a.host, pid=a.pid,
            version=a.version, queues=a.queues, tasks=tuple(env.registry.tasks), slots=a.slots, started_at=a.started_at,
            at=env.moment().now, draining=self._draining,
            holds={running.hold.state.id: running.hint.ack_subject for running in env.holds.values()},
        )  # fmt: skip
        subject = subjects.heartbeat(a.project, env.owner.worker_id)
        await self._messages.publish(subject, msgspec.json.encode(heartbeat))

    async def _beat_on(self) -> None:
        beats = 0
        while True:
            # Often at first: who listens may be starting as well, and would say that no worker is there.
            beats += 1
            await asyncio.sleep(0.5 if beats < 20 else 2.0)
            try:
                await self.beat()
            except Unavailable:
                continue
