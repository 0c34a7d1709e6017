"""What a task's code waits for from outside: a person's answer, or an event that somebody sends."""

import re
from collections.abc import Awaitable, Coroutine, Sequence
from datetime import timedelta
from enum import Enum
from types import UnionType
from typing import Any, Final, Literal, TypeVar, overload

import msgspec

from onward.contract.errors import TooLarge
from onward.contract.ids import check_name, is_execution_id
from onward.contract.values import INLINE
from onward.tasks import codec
from onward.tasks.awaited import AwaitedEvent, Question
from onward.tasks.context import current

T = TypeVar("T")
Seconds = float | timedelta
LONGEST = 8_000
"""Characters of a question."""
SHORTEST_REMINDER = 1.0
"""Seconds between two reminders, at least."""
TEAM = "team:"
_WHO = re.compile(r"[^\x00-\x1f\x7f]{1,128}")


class _Nothing(Enum):
    NOTHING = "nothing"


NOTHING: Final = _Nothing.NOTHING
"""Stands for a default that was not given: None may be one."""


@overload
def ask(
    text: str, *, choices: Sequence[str] = (), to: str | None = None, wait: Seconds | None = None, default: str = ...,
    remind: Seconds | None = None,
) -> Coroutine[Any, Any, str]: ...  # fmt: skip
@overload
def ask(
    text: str, wanted: type[T], *, to: str | None = None, wait: Seconds | None = None, default: T = ...,
    remind: Seconds | None = None,
) -> Coroutine[Any, Any, T]: ...  # fmt: skip
@overload
def ask(
    text: str, wanted: UnionType, *, to: str | None = None, wait: Seconds | None = None, default: Any = ...,
    remind: Seconds | None = None,
) -> Coroutine[Any, Any, Any]: ...  # fmt: skip
def ask(
    text: str, wanted: Any = str, *, choices: Sequence[str] = (), to: str | None = None, wait: Seconds | None = None,
    default: Any = NOTHING, remind: Seconds | None = None,
) -> Coroutine[Any, Any, Any]:  # fmt: skip
    """Ask a person and wait for the answer, without a slot: one of `choices`, a value of type `wanted`, or any text.

    `to` is a person's name or `team:<name>`. After `wait` the answer is `default`, or TimeoutError without one.
    `remind` brings the open question to mind again, each time so much later.
    """
    session = current.get()
    if session is None:
        raise RuntimeError("ask() needs an execution: nobody could answer here")
    question = Question(
        text=_checked(text), choices=_choices(choices, wanted), wanted=wanted, to=_who(to),
        wait=_seconds("wait", wait), default=_default(default, wanted, choices), remind=_reminder(remind),
    )  # fmt: skip
    return session.ask(question)


@overload
def wait_event(
    name: str, *, timeout: Seconds | None = None, default: Any = ...
) -> Coroutine[Any, Any, Any]: ...
@overload
def wait_event(
    name: str, wanted: type[T], *, timeout: Seconds | None = None, default: T = ...
) -> Coroutine[Any, Any, T]: ...
@overload
def wait_event(
    name: str, wanted: UnionType, *, timeout: Seconds | None = None, default: Any = ...
) -> Coroutine[Any, Any, Any]: ...
def wait_event(
    name: str, wanted: Any = Any, *, timeout: Seconds | None = None, default: Any = NOTHING
) -> Coroutine[Any, Any, Any]:
    """Wait, without a slot, for an event that somebody sends to this execution; its value, as `wanted`.

    One that came before counts; of several the oldest, and each is taken once. After `timeout` the value is
    `default`, or TimeoutError without one.
    """
    session = current.get()
    if session is None:
        raise RuntimeError("wait_event() needs an execution: nobody could send an event here")
    awaited = AwaitedEvent(
        name=check_name("event", name), wanted=wanted, timeout=_seconds("timeout", timeout),
        default=_default(default, wanted, ()),
    )  # fmt: skip
    return session.wait_event(awaited)


def send_event(execution_id: str, name: str, value: Any = None, *, key: str | None = None) -> Awaitable[None]:
    """Send an event to another execution, once however often this one is tried: the receiver knows it by its key.

    Raises NotFound, AlreadyEnded, or Conflict where the receiver keeps too many that it did not wait for.
    """
    session = current.get()
    if session is None:
        raise RuntimeError("send_event() needs an execution; elsewhere use Client.send_event")
    if not is_execution_id(execution_id):
        raise ValueError(f"{execution_id[:80]!r} is no execution id")
    raw = _small(value, f"the value of event {name}")
    return session.send_event(execution_id, check_name("event", name), raw, key)


def _small(value: Any, what: str) -> msgspec.Raw:
    raw = codec.encode(value, what)
    if (size := len(memoryview(raw))) > INLINE:
        raise TooLarge(f"{what} is {size} bytes; the limit is {INLINE}", fix="send a reference to it")
    return raw


def _checked(text: str) -> str:
    if not 0 < len(text) <= LONGEST:
        raise ValueError(f"a question has 1 to {LONGEST} characters, not {len(text)}")
    return text


def _choices(choices: Sequence[str], wanted: Any) -> tuple[str, ...]:
    if isinstance(choices, str) or not all(isinstance(choice, str) for choice in choices):
        raise TypeError("choices are several texts, as in choices=['yes', 'no']")
    if choices and wanted is not str:
        raise TypeError("a question has choices or a type, not both")
    return tuple(choices)


def _who(to: str | None) -> str | None:
    if to is None:
        return None
    if _WHO.fullmatch(to) is None:
        raise ValueError("to is a person's name of 1 to 128 characters, or team:<name>")
    if to.startswith(TEAM):
        check_name("team", to.removeprefix(TEAM))
    return to


def _seconds(what: str, given: Seconds | None) -> float | None:
    if given is None:
        return None
    seconds = given.total_seconds() if isinstance(given, timedelta) else float(given)
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{what} must be above 0 seconds, not {seconds:g}")
    return seconds


def _reminder(given: Seconds | None) -> float | None:
    seconds = _seconds("remind", given)
    if seconds is not None and seconds < SHORTEST_REMINDER:
        raise ValueError(f"remind must be {SHORTEST_REMINDER:g} seconds or more")
    return seconds


def _default(
    default: Any | Literal[_Nothing.NOTHING], wanted: Any, choices: Sequence[str]
) -> msgspec.Raw | None:
    if default is NOTHING:
        return None
    if choices and default not in choices:
        raise ValueError(f"the default {default!r} is none of the choices")
    raw = _small(default, "the default")
    try:
        codec.decode(raw, codec.usable(wanted))
    except msgspec.ValidationError as error:
        raise ValueError(f"the default does not fit the question: {error}") from None
    return raw
