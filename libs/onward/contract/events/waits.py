"""Events of what an execution waits for: a time, a person, an event from outside."""

from datetime import datetime

import msgspec

from onward.contract.events.envelope import Event, RawOrNone, nothing


class Slept(Event, frozen=True, kw_only=True, omit_defaults=True, tag="slept"):
    """The task sleeps until `until`; `wait` identifies this sleep among its waits."""

    wait: str
    until: datetime


class QuestionAsked(Event, frozen=True, kw_only=True, omit_defaults=True, tag="question_asked"):
    """The task asks a person; `wait` is the question's id. After `until`, `default` is the answer, if there is one."""

    wait: str
    text: str
    choices: tuple[str, ...] = ()
    schema: RawOrNone = None
    to: str | None = None
    """Who is asked: a person's name, or `team:<name>`."""
    until: datetime | None = None
    default: RawOrNone = None
    remind_every: float | None = None
    """Seconds between two reminders."""


class Answered(Event, frozen=True, kw_only=True, omit_defaults=True, tag="answered"):
    """A person answered; a wake."""

    wait: str
    answer: msgspec.Raw


class QuestionReminded(Event, frozen=True, kw_only=True, omit_defaults=True, tag="question_reminded"):
    """An open question was brought to mind again, for the `count`-th time."""

    wait: str
    count: int


class EventAwaited(Event, frozen=True, kw_only=True, omit_defaults=True, tag="event_awaited"):
    """The task waits for an event from outside; one that has come before and was not used yet counts.

    After `until`, `default` is its value, if there is one.
    """

    wait: str
    name: str
    until: datetime | None = None
    default: RawOrNone = None


class EventReceived(Event, frozen=True, kw_only=True, omit_defaults=True, tag="event_received"):
    """Somebody sent an event to this execution; a wake where it is waited for and nobody holds the execution.

    `key` is the sender's: an event with the same key is taken once.
    """

    name: str
    value: msgspec.Raw = msgspec.field(default_factory=nothing)
    key: str | None = None


class WaitExpired(Event, frozen=True, kw_only=True, omit_defaults=True, tag="wait_expired"):
    """The time of a wait ran out while its worker held the execution: what comes later is too late."""

    wait: str


class Suspended(Event, frozen=True, kw_only=True, omit_defaults=True, tag="suspended"):
    """All there is to do waits: the worker let go. `due` is the earliest end of a wait, where there is one."""

    reason: str
    children: dict[str, int] = {}
    """How many ended children each group must have, at least, for the execution to go on."""
    tolerates: dict[str, int] = {}
    """How many children of a group may end badly before it goes on sooner than that."""
    gives_back: tuple[str, ...] = ()
    """Keys of limits that it lets go of until it goes on."""
