"""All that was ever stored about limits, though the stream of keys keeps only the newest state of each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from onward.bus.api import call
from onward.bus.connection import Connection
from onward.bus.pages import ask
from onward.bus.topology import info
from onward.contract import subjects
from onward.contract.limits import KeyState

STREAM, SUBJECTS = "TEST_LIMIT_HISTORY", "test.limits.>"

Effect = Mapping[str, Any]


async def keep_history(connection: Connection) -> None:
    """From now on the server stores each state of each key a second time, as it stores it."""
    await call(
        connection,
        f"STREAM.CREATE.{STREAM}",
        {"name": STREAM, "subjects": [SUBJECTS], "storage": "file", "allow_direct": True},
    )
    found = await info(connection, subjects.LIMITS)
    assert found is not None
    again = {"src": subjects.ALL_LIMITS, "dest": SUBJECTS}
    await call(connection, f"STREAM.UPDATE.{subjects.LIMITS}", {**found["config"], "republish": again})


async def history(connection: Connection) -> list[KeyState]:
    """Each state that was stored since, in order."""
    found: list[KeyState] = []
    more = True
    while more:
        # By their number: a message's own headers name its sequence in the stream of keys.
        page = await ask(connection, STREAM, SUBJECTS, len(found)).page()
        found += [msgspec.json.decode(raw.data, type=KeyState) for raw in page.raws]
        more = page.more
    return found


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
