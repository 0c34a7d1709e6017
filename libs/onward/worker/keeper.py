"""Signs of life: renews what an engine holds, sends its heartbeats, and answers whoever asks what it still runs.

On the engine's own loop, or, so that code which blocks that loop is not taken for a death, on one of its own.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import datetime
from typing import Any

import msgspec

from onward.bus.ports import Messages
from onward.contract import subjects
from onward.contract.errors import Unavailable
from onward.contract.submission import Heartbeat
from onward.contract.workers import Order, Standing, status
from onward.worker.attempt import Env
from onward.worker.lease import Leases
from onward.worker.orders import Orders
from onward.worker.usage import Usage

log = logging.getLogger("onward.worker")

LOOK_EVERY = 60.0
"""Seconds after which the logs of all that is held are read again."""
BEAT_FIRST, BEAT_EVERY = 0.5, 1.0
_MANY_BEATS = 20

Renew = Callable[[Iterable[str]], Awaitable[None]]
Look = Callable[[], Awaitable[bool]]
"""Reads the logs of all that is held, and lets go of what is lost; False where that is not possible just now."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself in its heartbeats."""

    project: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    slots: int
    started_at: datetime
    connections: tuple[str, ...] = ()
    """The names of all its connections, where it has more than one."""
    weights: dict[str, float] = {}
    """Of its queues, where one has another than 1."""


class Keeper:
    """Speaks for one engine. `renew`, `messages` and `look` belong to the loop that this runs on."""

    def __init__(
        self, env: Env, about: About, leases: Leases, orders: Orders, usage: Usage, *, renew: Renew,
        messages: Messages, look: Look,
    ) -> None:  # fmt: skip
        self._env, self.about, self._leases, self._orders, self._usage = env, about, leases, orders, usage
        self._renew, self._messages, self._look = renew, messages, look
        self._back = asyncio.Event()

    async def start(self) -> None:
        """Be there for who asks; beat once."""
        worker_id = self._env.owner.worker_id
        await self._messages.subscribe(subjects.owner(worker_id), self._do_i_hold)
        await self._messages.subscribe(subjects.worker(worker_id), self._told)
        await self.beat()

    def loops(self) -> tuple[Coroutine[Any, Any, None], Coroutine[Any, Any, None]]:
        """What has to run for as long as the worker lives."""
        return self._renew_on(), self._beat_on()

    async def _renew_on(self) -> None:
        leases = self._leases
        looked = leases.clock()
        while True:
            await asyncio.sleep(leases.terms.renew_every)
            if leases.gap or leases.clock() - looked > LOOK_EVERY:
                if await self._look():
                    looked = leases.clock()
                elif leases.gap:
                    continue  # somebody may have taken over, and nobody can tell: no renewal
            try:
                sent = leases.clock()
                await self._renew(leases.held())
            except Unavailable:
                continue
            leases.renewed = sent

    async def _do_i_hold(self, _: str, data: bytes) -> bytes:
        asked, env = json.loads(data).get("execution_id"), self._env
        return msgspec.json.encode({"holds": asked in env.holds or asked in env.claiming})

    async def _told(self, _: str, data: bytes) -> bytes:
        orders = self._orders
        try:
            order = msgspec.json.decode(data, type=Order)
            orders.take(order)
        except ValueError as error:  # msgspec's errors are
            return msgspec.json.encode({"refused": str(error)})
        log.info("told by %s: %s", order.actor or "nobody", order)
        busy = len(self._env.holds)
        word = status(draining=orders.draining, paused=orders.paused, busy=busy)
        await self.beat()
        return msgspec.json.encode(
            Standing(status=word, slots=orders.slots, busy=busy, leaving=orders.leaving)
        )

    async def beat(self) -> None:
        """Send one heartbeat."""
        a, env, orders, used = self.about, self._env, self._orders, self._usage.read()
        heartbeat = Heartbeat(
            worker_id=env.owner.worker_id, connection=env.owner.connection, project=a.project, host=a.host, pid=a.pid,
            version=a.version, queues=a.queues, tasks=tuple(env.registry.tasks), slots=orders.slots,
            started_at=a.started_at,
            at=env.moment().now, connections=a.connections,
            draining=self._leases.draining or orders.draining,
            paused=orders.paused, weights=a.weights, available=used.available, busy=used.busy,
            holds={running.hold.state.id: running.hint.ack_subject for running in list(env.holds.values())},
        )  # fmt: skip
        subject = subjects.heartbeat(a.project, env.owner.worker_id)
        await self._messages.publish(subject, msgspec.json.encode(heartbeat))

    def back(self) -> None:
        """The connection was lost and is there again: somebody may think that nobody is."""
        self._back.set()

    async def _beat_on(self) -> None:
        beats = 0
        while True:
            # Often at first: who listens may be starting as well, and would say that no worker is there.
            beats += 1
            self._back.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_FIRST if beats < _MANY_BEATS else BEAT_EVERY):
                    await self._back.wait()
            with contextlib.suppress(Unavailable):
                await self.beat()
