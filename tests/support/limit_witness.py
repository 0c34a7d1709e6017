"""Who held a key, and whose code ran, as two witnesses saw it: the keys' own log, and the ledger of the tasks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from onward.contract.limits import KeyState

Effect = Mapping[str, Any]


def most_held(states: Iterable[KeyState]) -> dict[str, int]:
    """The most holders that each key ever had."""
    most: dict[str, int] = defaultdict(int)
    for state in states:
        most[state.key] = max(most[state.key], len(state.holders))
    return dict(most)


def most_at_work(
    effects: Iterable[Effect], deaths: Mapping[int, float], keys: Mapping[str, tuple[str, ...]]
) -> dict[str, int]:
    """The most executions of each key whose code ran at the same time; what a process did ends with its death.

    `deaths` says when each was killed, by its pid; `keys` the keys of each execution.
    """
    changes: list[tuple[float, int, str, tuple[str, int]]] = []
    ended = {(one["execution_id"], one["attempt"]): one["t"] for one in effects if one["what"] == "end"}
    for one in effects:
        if one["what"] != "begin":
            continue
        place = (one["execution_id"], one["attempt"])
        until = ended.get(place, deaths.get(one["pid"], one["t"]))
        for key in keys[one["execution_id"]]:
            changes += [(one["t"], 1, key, place), (until, 0, key, place)]
    at_work: dict[str, set[tuple[str, int]]] = defaultdict(set)
    most: dict[str, int] = defaultdict(int)
    for _, begins, key, place in sorted(changes):
        if begins:
            at_work[key].add(place)
        else:
            at_work[key].discard(place)
        most[key] = max(most[key], len({execution for execution, _ in at_work[key]}))
    return dict(most)
