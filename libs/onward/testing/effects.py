"""What the fakes of a test say they have done: `effect("charged", key=idempotency_key())`."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar

import msgspec

from onward.tasks import context


class Effect(msgspec.Struct, frozen=True):
    """One effect on the world outside: under the same `key` it counts once, however often it is done."""

    name: str
    key: str | None
    execution_id: str | None
    attempt: int | None


class Recorder(msgspec.Struct, frozen=True):
    """Where the effects of one worker go; one that was killed has no effects any more."""

    effects: list[Effect]
    dead: Callable[[], bool]


recording: ContextVar[Recorder | None] = ContextVar("onward_effects", default=None)


def effect(name: str, *, key: str | None = None) -> None:
    """Say that this was done to the world outside; does nothing where no Lab is there to hear it.

    `key` is the idempotency key with which it was done, if any: a receiver that knows the key does it once.
    """
    recorder = recording.get()
    if recorder is None:
        return
    if recorder.dead():
        raise asyncio.CancelledError("this worker was killed: nothing of it takes effect any more")
    session = context.execution()
    recorder.effects.append(
        Effect(
            name,
            key,
            None if session is None else session.execution_id,
            None if session is None else session.attempt,
        )
    )
