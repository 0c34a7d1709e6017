"""Who held a key when, from the logs of executions: the exact intervals, and not samples of them."""

from collections.abc import Iterable

from onward.contract import events as ev
from onward.contract.log import Stored


def most_at_once(stored: Iterable[Stored]) -> dict[str, int]:
    """The most executions that ever held each key at the same time, in the order of EVENTS."""
    held: dict[str, set[str]] = {}
    most: dict[str, int] = {}
    for item in sorted(stored, key=lambda item: item.sequence):
        event = item.event
        if isinstance(event, ev.Admitted):
            for key in event.grants:
                held.setdefault(key, set()).add(event.execution_id)
                most[key] = max(most.get(key, 0), len(held[key]))
        for key in getattr(event, "gives_back", ()):
            held.setdefault(key, set()).discard(event.execution_id)
    return most


def still_held(stored: Iterable[Stored]) -> dict[str, set[str]]:
    """Who holds what after all of that."""
    held: dict[str, set[str]] = {}
    for item in sorted(stored, key=lambda item: item.sequence):
        if isinstance(item.event, ev.Admitted):
            for key in item.event.grants:
                held.setdefault(key, set()).add(item.event.execution_id)
        for key in getattr(item.event, "gives_back", ()):
            held.setdefault(key, set()).discard(item.event.execution_id)
    return {key: who for key, who in held.items() if who}
