"""What a task's code asks of the world outside, as its session takes it."""

from typing import Any

import msgspec


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, of whom, until when."""

    text: str
    choices: tuple[str, ...] = ()
    wanted: Any = str
    to: str | None = None
    wait: float | None = None
    default: msgspec.Raw | None = None
    remind: float | None = None


class AwaitedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Which event is awaited, as what, for how long."""

    name: str
    wanted: Any = Any
    timeout: float | None = None
    default: msgspec.Raw | None = None
