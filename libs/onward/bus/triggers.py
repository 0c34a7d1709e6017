"""The trigger keeper: submits what follows the end of an execution.

The terminal event names what follows, with its id. So whatever is done here can be done twice, several keepers are
safe, and what died in the middle of it is made up for by whoever is handed the event next.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import msgspec

from onward.bus import kin
from onward.bus.begin_permits import BeginPermit, anything
from onward.bus.patience import patiently
from onward.bus.ports import EventLog, Objects
from onward.bus.values import Values
from onward.contract import events as ev
from onward.contract import follow_ups
from onward.contract.decide import Moment
from onward.contract.errors import BrokenLog, TooLarge, Unavailable, ValueLost
from onward.contract.events.triggers import Triggered
from onward.contract.follow_ups import End
from onward.contract.policies import DENIED
from onward.contract.templates import TemplateError

log = logging.getLogger("onward.triggers")

_AT_ONCE = 64
_NULL = msgspec.Raw(b"null")
Run = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class TriggerKeeper:
    """Takes every event once, in any order."""

    def __init__(
        self,
        events: EventLog,
        objects: Objects,
        moment: Callable[[], Moment],
        run: Run,
        *,
        permit: BeginPermit = anything,
    ) -> None:
        self._events, self._values, self._moment, self._run = events, Values(objects), moment, run
        self._permit = permit
        self._few = asyncio.Semaphore(_AT_ONCE)
        self._one_large = asyncio.Semaphore(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self.started = self.unfit = 0  # those of them that began and failed at once

    def take(self, event: ev.AnyEvent) -> "asyncio.Future[None] | None":
        """Submit what follows; over when that is on disk. None: nothing follows."""
        if not isinstance(event, ev.TERMINAL) or not (taken := follow_ups.taken(event)):
            return None
        task = self._run(self._follow(event, taken))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _follow(self, event: End, taken: tuple[Triggered, ...]) -> None:
        for one in taken:
            async with self._few:
                try:
                    await patiently(partial(self._submit, event, one))
                except Unavailable:
                    raise
                except Exception:
                    # Not to be mended by trying again, and no reason to stop what follows others.
                    log.exception("what follows execution %s is not submitted", event.execution_id)

    async def _submit(self, event: End, one: Triggered) -> None:
        moment = msgspec.structs.replace(self._moment(), trace=event.trace)
        first = follow_ups.first_event(event, one, _NULL, moment)
        try:
            given = await self._input(event, one, first.execution_id)
            first = msgspec.structs.replace(first, input=given)
            denied = await self._permit(first)
            made: tuple[ev.AnyEvent, ...] = (first,)
            if denied is not None:
                made = follow_ups.stopped(first, DENIED, denied, moment)
        except (TemplateError, TooLarge, ValueLost, BrokenLog) as error:
            made = follow_ups.unfit(first, str(error), moment)
        if await kin.create(self._events, *made):
            self.started += 1
            self.unfit += len(made) > 1

    async def _input(self, event: End, one: Triggered, execution_id: str) -> msgspec.Raw:
        names = follow_ups.named(one)
        project, ended = event.project, event.execution_id
        output = event.output if isinstance(event, ev.Completed) else _NULL
        async with self._one_large:
            # One at a time: a value may have 64 MiB, and is decoded here.
            whole = await self._values.whole(project, ended, output) if "output" in names else _NULL
            if follow_ups.passes_on(one):
                return await self._values.keep(project, execution_id, whole, "its input")
            before = await self._input_before(event) if "input" in names else None
            made = follow_ups.input_of(one, follow_ups.scope(event, one, whole, before))
            return await self._values.keep(project, execution_id, made, "its input")

    async def _input_before(self, event: End) -> msgspec.Raw:
        found = await self._events.read(event.project, event.execution_id)
        if found is None:
            raise ValueLost(f"the input of execution {event.execution_id} is purged")
        state = found.execution
        return await self._values.whole(state.project, state.id, state.input, state.parent_id)
