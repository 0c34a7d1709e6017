"""Faults of all kinds against real processes, and the book that is kept of a run, for the checker to judge.

Each process reaches NATS, and execution_state Postgres, over a wire of its own that can be cut, held or slowed down.
"""

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator

from onward.testing.history import Fault
from tests.support.platform import Platform
from tests.support.valve import Valve, valve

KINDS = ("kill", "pause", "cut", "hold", "slow")
SERVERS = ("nats", "postgres")


class Storm:
    """Does one thing after another to somebody; what was done, and whether it hit work under way, is in `faults`."""

    def __init__(
        self, onward: Platform, wires: dict[str, list[Valve]], seed: int, kinds: tuple[str, ...] = KINDS
    ) -> None:
        self._kinds = kinds
        self._onward, self._wires, self._random = onward, wires, random.Random(seed)
        self.faults: list[Fault] = []

    @property
    def landed(self) -> Counter[str]:
        """How often each kind hit work under way."""
        return Counter(fault.kind for fault in self.faults if fault.landed)

    async def blow(self, seconds: float, every: float, *, least: int) -> None:
        """Faults for so long, and until each kind has landed `least` times, within four times that."""
        began, order = time.monotonic(), list[tuple[str, str]]()
        while (lasted := time.monotonic() - began) < seconds or (
            lasted < 4 * seconds and min(self.landed[kind] for kind in self._kinds) < least
        ):
            await asyncio.sleep(every * self._random.uniform(0.5, 1.5))
            if not order:
                order = [(kind, part) for kind in self._kinds for part in self._targets(kind)]
                self._random.shuffle(order)
            await self._one(*order.pop())

    def _targets(self, kind: str) -> list[str]:
        if kind == "kill":
            return [*self._onward.processes, *SERVERS]
        if kind == "pause":
            return [*self._onward.processes, "nats"]
        return [*self._wires]

    async def _one(self, kind: str, part: str) -> None:
        landed, begun = bool(self._under_way(part)), time.monotonic_ns()
        lasting = self._random.uniform(0.2, 2.5)
        if kind == "kill":
            await self._killed(part, lasting / 2)
        elif kind == "pause":
            await self._paused(part, lasting)
        else:
            for wire in self._wires[part]:
                {"cut": wire.cut, "hold": wire.hold, "slow": lambda wire=wire: wire.slow(0.05)}[kind]()
            await asyncio.sleep(0 if kind == "cut" else lasting)
            for wire in self._wires[part]:
                wire.open()
        self.faults.append(
            Fault(t_ns=begun, until_ns=time.monotonic_ns(), kind=kind, target=part, landed=landed)
        )

    async def _killed(self, part: str, seconds: float) -> None:
        onward = self._onward
        if part == "nats":
            onward.servers[0].kill()
            await asyncio.sleep(seconds)
            onward.servers[0].start(wait=False)
        elif part == "postgres":
            onward.postgres.kill()
            await asyncio.sleep(seconds)
            onward.postgres.start()  # from the main thread: its death signal hangs on it
        else:
            onward.kill(part, signal.SIGKILL)
            await asyncio.sleep(seconds)
            onward.start(part)

    async def _paused(self, part: str, seconds: float) -> None:
        process = self._onward.servers[0].process if part == "nats" else self._onward.processes[part]
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def _under_way(self, part: str) -> int:
        """Steps in flight now; of a worker, its own."""
        pid = self._onward.processes[part].pid if part.startswith("worker") else None
        opened: set[tuple[str, int, int]] = set()
        for effect in self._onward.effects()[-2000:]:
            if "step" not in effect:
                continue
            key = (effect["execution_id"], effect["step"], effect["attempt"])
            if effect["what"] == "end":
                opened.discard(key)
            elif effect["t"] > time.time() - 3 and pid in (None, effect["pid"]):
                opened.add(key)
        return len(opened)


@contextlib.asynccontextmanager
async def storm(onward: Platform, seed: int, kinds: tuple[str, ...] = KINDS) -> AsyncIterator[Storm]:
    """The installation with its wires led through valves; everything is started anew for that."""
    async with contextlib.AsyncExitStack() as stack:
        wires: dict[str, list[Valve]] = {}
        for name in onward.processes:
            nats = await stack.enter_async_context(valve(onward.servers[0].port))
            onward.own[name] = {"ONWARD_NATS_URL": nats.url(onward.servers.urls)}
            wires[name] = [nats]
            if name.startswith("execution_state"):
                postgres = await stack.enter_async_context(valve(onward.postgres.port))
                url = onward.postgres.url("onward").replace(f":{onward.postgres.port}/", f":{postgres.port}/")
                onward.own[name]["ONWARD_DATABASE_URL"] = url
                wires[name].append(postgres)
        for name in list(onward.processes):
            onward.kill(name)
            onward.start(name)
        await onward.ready()
        yield Storm(onward, wires, seed, kinds)
