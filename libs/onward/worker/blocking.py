"""Calls that block, beside the loop: on a thread, or in a process of their own; stopped by asking, then by force."""

import asyncio
from collections.abc import Callable
from typing import Any

from onward.tasks.own_process import OwnProcess
from onward.worker.child_call import ChildCall
from onward.worker.logs import current_writer
from onward.worker.threads import Thread

Blocking = Thread | ChildCall


def start(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, name: str,
    step: str | None = None,
) -> Blocking:  # fmt: skip
    """Begin a call, in the context of whoever calls."""
    call: Blocking = (
        ChildCall(fn, args, kwargs, step)
        if isinstance(fn, OwnProcess) and getattr(asyncio.get_running_loop(), "can_have_children", True)
        else Thread(lambda: fn(*args, **kwargs), name)
    )
    call.future.add_done_callback(_looked_at)
    return call


def _looked_at(future: "asyncio.Future[Any]") -> None:
    # Nobody awaits a call that was stopped; asyncio would say that its error was missed.
    if not future.cancelled():
        future.exception()


async def finished(call: Blocking, what: str, *, grace: float, stopping: Callable[[], bool]) -> Any:
    """What the call returns or raises. Cancelled, it waits until the call has ended, or was given up."""
    try:
        return await asyncio.shield(call.future)
    except asyncio.CancelledError:
        if not call.future.done():
            await _end(call, what, grace, patient=stopping())
        raise


async def _end(call: Blocking, what: str, grace: float, *, patient: bool) -> None:
    """Ask, then force. A thread can only be waited for, which is done only where the whole attempt is to stop."""
    stages = [(call.ask, call.asked), (call.force, call.forced)]
    if not patient and isinstance(call, Thread):
        stages = stages[1:]
    for act, how in stages:
        act()
        try:
            done, _ = await asyncio.wait({call.future}, timeout=grace)
        except asyncio.CancelledError:
            continue  # asked a second time: the next stage
        if done:
            say("info", f"{what} was stopped: {how}")
            return
    say("warning", f"{what} did not stop; it was abandoned")


def say(level: str, text: str) -> None:
    """A line in the log of the execution that runs here."""
    writer = current_writer.get()
    if writer is not None:
        writer.write(level, "system", text)
