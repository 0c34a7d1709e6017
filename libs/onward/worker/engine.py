"""A worker: takes hints into free slots, runs them, holds their leases, and is the one place that acts on verdicts."""

import asyncio
import json
import logging
from collections.abc import Callable
from functools import partial

import msgspec

from onward.bus.ports import HintSource, Messages
from onward.contract import subjects
from onward.contract.decide import Hint
from onward.contract.errors import BrokenLog, OnwardError, Unavailable
from onward.telemetry import scope
from onward.worker.alone import Alone
from onward.worker.attempt import Ack, Again, Env, LetGo, Running, Verdict, attend, notice
from onward.worker.keeper import About, Keeper
from onward.worker.kinship import Kin
from onward.worker.lease import Lease, Leases, boot_clock
from onward.worker.orders import Orders
from onward.worker.usage import Usage

log = logging.getLogger("onward.worker")

SLOWEST = 2.0
"""Seconds that a hint this worker can do nothing with is kept, at most, before it goes back."""
REMEMBERED = 1000


class Engine:
    """One worker process' executions. `drain()` ends it without losing any.

    `kept`: somebody else runs a keeper for it (see `onward_worker.watchdog`); else it keeps itself.
    """

    def __init__(
        self, env: Env, hints: HintSource, messages: Messages, about: About, *, lease: Lease | None = None,
        clock: Callable[[], float] = boot_clock, kept: bool = False,
    ) -> None:  # fmt: skip
        self.env, self._hints, self._messages, self._about = env, hints, messages, about
        self.leases = Leases(lease or Lease(), clock)
        self.orders = Orders(about.slots)
        self.usage = Usage(clock, about.slots, about.queues)
        self.keeper = Keeper(
            env, about, self.leases, self.orders, self.usage,
            renew=hints.renew, messages=messages, look=self.look_at_all,
        )  # fmt: skip
        self.left = asyncio.Event()
        """Set once it has drained, where it was told to end then."""
        self._kept = kept
        self._attempts: set[asyncio.Task[None]] = set()
        self._stirred = asyncio.Event()
        self._given_back: dict[str, int] = {}
        self._loops: list[asyncio.Task[None]] = []
        env.alive, env.nudge = self._alive, self._nudge
        env.alone = Alone(lambda: len(self._attempts), self._stirred.set)
        env.kin = Kin(
            env.events, messages, env.objects, lambda: self.orders.slots - len(self._attempts), env.may_begin
        )

    @property
    def running(self) -> int:
        """Slots in use."""
        return len(self._attempts)

    async def start(self) -> None:
        """Listen, beat, renew, take."""
        here = asyncio.get_running_loop()
        self.orders.changed = lambda: here.call_soon_threadsafe(self._told)
        await self._messages.subscribe(subjects.control(self._about.project, "*"), self._nudged)
        if not self._kept:
            await self.keeper.start()
        for loop in (self._take(), *(() if self._kept else self.keeper.loops())):
            self._loops.append(asyncio.get_running_loop().create_task(loop))

    async def drain(self, grace: float) -> None:
        """Take no more; after `grace` seconds hand back what still runs, checkpoints kept."""
        self.leases.draining = True
        self._loops[0].cancel()
        self.env.alone.close()
        await self._hints.close()
        await self.keeper.beat()
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
            while self._free <= 0:
                self._stirred.clear()
                await self._stirred.wait()
            try:
                hints = await self._hints.take(self._free)
            except Unavailable:
                await asyncio.sleep(0.5)
                continue
            for hint in hints:
                if self._free > 0:
                    self._begin(hint)
                else:  # it was told to rest, or has fewer slots by now
                    await self._hints.give_back(hint)

    @property
    def _free(self) -> int:
        return 0 if self.orders.resting or self.env.alone.taken else self.orders.slots - len(self._attempts)

    def _begin(self, hint: Hint) -> None:
        about, queue = scope.about(hint.execution_id), hint.route.partition(".")[0]
        self.usage.begun(queue)
        task = asyncio.get_running_loop().create_task(self._handle(hint), context=about)
        self._attempts.add(task)
        task.add_done_callback(partial(self._freed, queue), context=about)

    def _told(self) -> None:
        """An order came: it holds for what is taken from now on."""
        self.usage.offer(0 if self.orders.resting else self.orders.slots)
        self._stirred.set()
        self._hints.rouse()
        self._leave()

    def _leave(self) -> None:
        if self.orders.leaving and not self._attempts:
            self.left.set()

    def _freed(self, queue: str, task: asyncio.Task[None]) -> None:
        self._attempts.discard(task)
        self.usage.ended(queue)
        self.env.alone.stir()
        self._stirred.set()
        self._leave()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("attempt broke", exc_info=error)

    async def _handle(self, hint: Hint) -> None:
        self.leases.hold(hint)
        try:
            verdict = await self._verdict(hint)
            await self._settle(hint, verdict)
        finally:
            self.leases.drop(hint)

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
                case Ack() if not self.leases.gap:
                    await self._hints.ack(hint)
                case Again(after=float(seconds)):
                    await self._hints.give_back(hint, after=seconds)
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

    async def look_at_all(self) -> bool:
        """Read the logs of all that runs here, and let go of what is lost."""
        for running in list(self.env.holds.values()):
            await self._notice(running)
            if running.session.interrupted == "lost":
                self.leases.drop(running.hint)
        return True

    async def _notice(self, running: Running) -> None:
        try:
            await notice(running)
        except (Unavailable, BrokenLog):
            log.warning("cannot read the log of %s just now", running.hold.state.id)

    async def _alive(self, worker_id: str, execution_id: str) -> bool:
        if worker_id == self.env.owner.worker_id:
            return execution_id in self.env.holds or execution_id in self.env.claiming
        question = msgspec.json.encode({"execution_id": execution_id})
        for pause in (0.05, 0.15, 0.0):  # it may be reconnecting this very moment
            reply = await self._messages.ask(subjects.owner(worker_id), question, timeout=0.2)
            if reply is not None:
                return bool(json.loads(reply).get("holds"))
            await asyncio.sleep(pause)
        return False

    async def _nudge(self, project: str, execution_id: str) -> None:
        await self._messages.publish(subjects.control(project, execution_id), b"{}")

    async def _nudged(self, subject: str, _: bytes) -> None:
        running = self.env.holds.get(subject.rsplit(".", 1)[-1])
        if running is not None:
            await self._notice(running)
