"""How long the steps of ended executions took, added up by task, step and hour."""

from typing import Any

from onward_execution_state.analytics.sketch import packed, unpacked
from onward_execution_state.analytics.tally import HOUR, Measure, floor
from onward_execution_state.database import Connection
from onward_execution_state.ended import Kind
from onward_execution_state.statements import load

_SQL = load("steps.sql")
_Key = tuple[str, str, str, Any]


async def add(postgres: Connection, ends: list[Any], kinds: dict[int, Kind]) -> None:
    """Counts the saved steps of the lives that ended so."""
    columns = [[end[name] for end in ends] for name in ("execution_id", "n", "kind", "at")]
    steps: dict[_Key, Measure] = {}
    for row in await postgres.fetch(_SQL["saved"], *columns):
        kind = kinds[row["kind"]]
        key = (kind.project, kind.task or "", row["step"], floor(row["at"], HOUR))
        (steps.get(key) or steps.setdefault(key, Measure())).add(row["duration_ms"])
    if not steps:
        return
    keys = sorted(steps)
    for row in await postgres.fetch(_SQL["known"], *(list(column) for column in zip(*keys, strict=True))):
        slots = unpacked(row["slots"], row["counts"])
        known = Measure(row["count"], row["sum"], row["min"], row["max"], slots)
        steps[row["project"], row["task"], row["step"], row["at"]].add_all(known)
    made = [
        (*key, found.count, found.total, found.least, found.most, *packed(found.slots))
        for key, found in ((key, steps[key]) for key in keys)
    ]
    await postgres.execute(_SQL["save"], *(list(column) for column in zip(*made, strict=True)))
