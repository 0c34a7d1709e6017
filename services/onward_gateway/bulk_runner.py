"""Carries out operations on many executions: takes some items, decides about each as its own route would, reports.

What is lost with a gateway is taken again by another one: whether an item was done says its log.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from onward.contract import bulk
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.errors import NotFound, OnwardError, PolicyDenied, Unavailable
from onward.contract.log import Log
from onward.process.loop import MORE, MoreToDo
from onward_gateway.bulk import read_filter
from onward_gateway.control import decided_on, nudge
from onward_gateway.gateway import Gateway

log = logging.getLogger(__name__)

_AT_ONCE = 32
_LONGEST_SECONDS = 5.0
"""Of one round: what is not done by then is taken again, well before the lease ends."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Some items of an operation."""

    id: str
    project: str
    command: bulk.BulkCommand
    actor: str | None
    items: list[tuple[int, str]]


Outcome = tuple[int, str, str | None]


class BulkRunner:
    """The work of a loop; `per_second` leaves room for everybody else."""

    def __init__(self, gateway: Gateway, *, per_second: float) -> None:
        self._gateway = gateway
        self._per_second = per_second
        self._runner = gateway.new_id()
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def run_once(self, now: datetime) -> MoreToDo | None:
        """Some items of one operation; more, where there were some."""
        del now
        try:
            taken: Taken | None = await self._gateway.state.bulk(
                "take", {"runner": self._runner}, Taken | None
            )
            if taken is None:
                return None
            told = await self._do(taken)
            if taken.items and not told:
                return None  # nothing could be asked of the log: not again at once
            if told:
                await self._gateway.state.bulk("report", {"id": taken.id, "items": told}, bool)
        except Unavailable as error:
            log.info("bulk operations wait: %s", error)
            return None
        return MORE

    async def _do(self, taken: Taken) -> list[Outcome]:
        if taken.command.action == "retry":
            self._gateway.store.check()
        loop = asyncio.get_running_loop()
        began = loop.time()
        statuses = read_filter(taken.command.filter).get("status", ())
        doing = []
        for number, (place, execution_id) in enumerate(taken.items):
            ahead = number / self._per_second - (loop.time() - began)
            if ahead > 0:
                await asyncio.sleep(ahead)
            if loop.time() - began > _LONGEST_SECONDS:
                break
            await self._gate.acquire()
            doing.append(asyncio.ensure_future(self._one(taken, place, execution_id, statuses)))
        return [outcome for outcome in await asyncio.gather(*doing) if outcome is not None]

    async def _one(
        self, taken: Taken, place: int, execution_id: str, statuses: Sequence[str]
    ) -> Outcome | None:
        """What became of it; None where it has to be tried again."""
        gateway = self._gateway
        moment = Moment(
            now=gateway.clock(), new_id=gateway.new_id, actor=bulk.actor_of(taken.actor, taken.id)
        )

        def choose(found: Log, at: Moment) -> Sequence[ev.AnyEvent]:
            return bulk.decide(found, at, taken.command, statuses)

        try:
            if taken.command.action in {"retry", "move"}:
                found = await gateway.finder.execution(taken.project, execution_id)
                await gateway.policing.check_again(found, queue=taken.command.queue)
            execution = await decided_on(gateway, taken.project, execution_id, moment, choose)
            await nudge(gateway, execution)
        except bulk.Skip as skip:
            return place, "skipped", str(skip)
        except (NotFound, PolicyDenied) as refused:
            return place, "skipped", str(refused)
        except Unavailable:
            return None
        except OnwardError as error:
            return place, "failed", f"{error.code}: {error}"
        except Exception as error:
            log.exception("an item of the bulk operation %s failed", taken.id)
            return place, "failed", f"{type(error).__name__}: {error}"
        finally:
            self._gate.release()
        return place, "done", None


def poked_by(gateway: Gateway, poke: Any) -> "asyncio.Task[None]":
    """Starts a round as soon as an operation is begun here."""

    async def watch() -> None:
        while True:
            await gateway.bulk_begun.wait()
            gateway.bulk_begun.clear()
            poke()

    return asyncio.ensure_future(watch())
