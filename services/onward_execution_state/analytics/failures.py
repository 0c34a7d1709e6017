"""Failed ends added up by fingerprint: groups that people look into, and how many there were in each hour."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from onward.contract import events as ev
from onward_execution_state.analytics.tally import HOUR, floor
from onward_execution_state.database import Connection
from onward_execution_state.ended import Kind
from onward_execution_state.rows import plain
from onward_execution_state.statements import load

_SQL = load("errors.sql")
_MESSAGE = 1000


async def add(postgres: Connection, ends: list[Any], kinds: dict[int, Kind]) -> None:
    """Counts failed ends, and keeps the newest of each group as its example."""
    if not ends:
        return
    hours = Counter((end["fingerprint"], floor(end["at"], HOUR), end["kind"]) for end in ends)
    counted = [(kinds[kind].project, *rest, kind, count) for (*rest, kind), count in hours.items()]
    await postgres.execute(_SQL["add_hours"], *_columns(counted))
    groups: dict[tuple[str, str], list[Any]] = {}
    for end in ends:
        groups.setdefault((kinds[end["kind"]].project, end["fingerprint"]), []).append(end)
    newest = [max(group, key=lambda end: (end["at"], end["id"])) for group in groups.values()]
    told = await _told(postgres, newest)
    made = [
        (
            *of, *told.get(last["execution_id"], ("unknown", "")), min(end["at"] for end in group), last["at"],
            len(group), last["execution_id"],
        )
        for (of, group), last in zip(groups.items(), newest, strict=True)
    ]  # fmt: skip
    await postgres.execute(_SQL["add_groups"], *_columns(made))


async def _told(postgres: Connection, ends: Iterable[Any]) -> dict[Any, tuple[str, str]]:
    places = [(end["execution_id"], end["n"]) for end in ends]
    found = {}
    for row in await postgres.fetch(_SQL["events"], *_columns(places)):
        event = ev.decode(row["body"])
        if isinstance(event, ev.Failed):
            error = event.error
            found[row["execution_id"]] = (plain(error.type) or "", (plain(error.message) or "")[:_MESSAGE])
    return found


def _columns(made: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*made, strict=True)]
