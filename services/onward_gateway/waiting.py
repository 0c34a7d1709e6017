"""`?wait=`: listens to one execution's log until it has ended; held for repair is no end.

No polling: its echo is heard first, and it is read only where that does not tell all.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple

import msgspec

from onward.contract.execution import Execution
from onward.contract.log import Log
from onward.http import auth, browser
from onward.http.call import call_of
from onward.process.within import Within
from onward_gateway.echoes import Watch
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import Door

LOOK_SECONDS = 5.0
"""An echo can get lost, so the log itself is looked at this often."""
FIRST_LOOK_SECONDS = 1.0
"""Where it was not read at all: the last echo may have been lost before anybody waited."""


class Caller(NamedTuple):
    """Who waits: what tells that they hang up, and what raises once they may not see the answer any more."""

    receive: Callable[[], Awaitable[Any]]
    may_still: Callable[[], None]
    bounds: Within


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """How long an answer is held back."""

    wait: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0
    """Seconds to hold the answer back until the execution has ended."""


def caller_of(request: Door) -> Caller:
    """Who waits for the answer to this request."""
    call = call_of(request.scope)
    keys, key = gateway_of(request).keys, browser.authorization(request.scope, call)
    return Caller(request.receive, lambda: auth.may_still(keys, key), call.bounds)


async def until_ended(
    gateway: Gateway,
    project: str,
    execution_id: str,
    seconds: float,
    caller: Caller,
    *,
    fresh: Execution | None = None,
) -> Execution:
    """The execution once it has ended; or as it is after `seconds`, or when the caller hangs up, or on our end.

    `fresh` is what was stored this very moment. Raises what `caller.may_still` raises.
    """
    async with gateway.echoes.watching(project, execution_id) as watch:
        known: Log | Execution | None = watch.from_the_first()
        if known is None and watch.stop is None:
            known = fresh  # one ear hears all: nothing that came behind it is missed
        if known is None:
            found = await gateway.finder.find(project, execution_id)
            if not isinstance(found, Log):
                return found.execution
            known = found
        if _state(known).final:
            return _state(known)
        gone = asyncio.ensure_future(_gone(caller))
        gone.add_done_callback(lambda _: watch.leave())
        try:
            state = await _follow(gateway, known, watch, seconds, caller)
            if gone.done():
                gone.result()
            return state
        finally:
            gone.cancel()


async def _follow(
    gateway: Gateway, known: Log | Execution, watch: Watch, seconds: float, caller: Caller
) -> Execution:
    clock, state = asyncio.get_running_loop().time, _state(known)
    end, check = clock() + seconds, clock() + auth.CHECK_KEY_SECONDS
    look = clock() + (LOOK_SECONDS if isinstance(known, Log) else FIRST_LOOK_SECONDS)
    while not state.final and not watch.left and (now := clock()) < end:
        with contextlib.suppress(TimeoutError), caller.bounds.within(min(end, look, check) - now):
            await watch.news.wait()
        if clock() >= check:
            caller.may_still()
            check = clock() + auth.CHECK_KEY_SECONDS
        after = watch.on_top_of(state)
        if after is None or clock() >= look:
            known = await _read(gateway, known)
            after, look = _state(known), clock() + LOOK_SECONDS
        state = after if after.n > state.n else state
    return state


async def _read(gateway: Gateway, known: Log | Execution) -> Log | Execution:
    if isinstance(known, Log):
        return await gateway.events.read_on(known)
    return await gateway.finder.log(known.project, known.id) or known


def _state(known: Log | Execution) -> Execution:
    return known.execution if isinstance(known, Log) else known


async def _gone(caller: Caller) -> None:
    while (await caller.receive())["type"] != "http.disconnect":
        pass
