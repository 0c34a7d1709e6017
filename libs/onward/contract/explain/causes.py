"""A cause: one reason in words, its fix, and a stable code; and every code there is."""

from datetime import datetime, timedelta

import msgspec

EXECUTIONS = "/api/v1/executions"

CODES = {
    "queue_paused": "Its queue is paused.",
    "queue_unknown": "No queue of this name is configured, and no worker takes from it.",
    "no_worker": "No worker takes from its queue.",
    "task_not_offered": "Workers take from its queue, but none of them knows its task.",
    "workers_paused": "Every worker that could take it is paused or draining.",
    "workers_full": "Every slot of the workers that could take it is taken.",
    "limited": "A limit on executions at the same time is reached.",
    "rate_limited": "The queue has started as many as its rate allows for now.",
    "ahead": "Others of its class come first.",
    "starting": "A worker is free, and is about to take it.",
    "overlooked": "A worker is free and has not taken it: what tells workers of it may be lost.",
    "paused": "Somebody paused it.",
    "pausing": "Somebody paused it; its worker ends the steps that run first.",
    "delayed": "It was submitted for later.",
    "retrying": "Its last attempt failed; the next one has a time.",
    "sleeping": "It sleeps.",
    "waiting_for_input": "It waits for a person's answer.",
    "waiting_for_event": "It waits for an event from outside.",
    "waiting_for_children": "It waits for its children.",
    "timer_fired": "What it waited for is over; it has to be taken up again.",
    "handed_back": "A draining worker handed it back.",
    "recovering": "The worker that held it is lost.",
    "worker_silent": "The worker that holds it gives no sign of life.",
    "cancelling": "Somebody asked to stop it, and that is not done yet.",
    "undoing": "It is going to fail, and its steps are undone first.",
    "running": "A worker runs it.",
    "stalled": "A worker holds it, and it seems to make no progress.",
    "deadline": "A limit ends it unless it goes on before.",
    "completed": "It ended well.",
    "cancelled": "It was stopped.",
    "failed_error": "Its code failed.",
    "failed_exhausted": "Every attempt failed.",
    "failed_timed_out": "A limit of time was reached.",
    "failed_poison": "Worker after worker was lost while running it.",
    "failed_policy_denied": "A policy forbids it.",
    "failed_held": "It failed, and is held for repair.",
}
"""Every code that an explanation may hold, and what it means. They do not change."""


class Cause(msgspec.Struct, frozen=True):
    """One reason why an execution is where it is; null, never omitted."""

    code: str
    text: str
    fix: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    who: str | None = None
    """Who did it: a key, a person, a worker."""
    links: dict[str, str] = {}


def span(time: timedelta) -> str:
    """A length of time as people say it: `12 s`, `3 min`, `2 h`, `4 d`."""
    seconds = abs(time.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "less than 1 s"


def when(moment: datetime, now: datetime) -> str:
    """A time ahead or past: `in 12 s`, `5 min ago`."""
    return f"in {span(moment - now)}" if moment > now else f"{span(now - moment)} ago"


def by(who: str | None) -> str:
    """` by key:ann`, or nothing where nobody is known to have done it."""
    return f" by {who}" if who else ""


def quoted(because: str | None) -> str:
    """` ("…")`, or nothing."""
    return f' ("{because}")' if because else ""


def count(number: int, noun: str) -> str:
    """`1 worker`, `3 workers`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
