"""Events that change where and when an execution waits."""

from onward.contract.events.envelope import Event


class Moved(Event, frozen=True, kw_only=True, omit_defaults=True, tag="moved"):
    """Its queue, its priority or its time was changed; the last of `routes` is where it waits from now on.

    With `due` it waits for that time. No wake: who reads only the routes it knows learns of the new one here, and a
    `queued` that follows is the wake (PROTOCOL V3).
    """

    queue: str
    priority: int
    now: bool = False
    """Whether it waits for its time no longer."""


class Queued(Event, frozen=True, kw_only=True, omit_defaults=True, tag="queued"):
    """It stands in another line, ready; a wake. Hints of earlier events are worth nothing any more."""
