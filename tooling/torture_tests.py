"""Prints docs/torture.md: what broke others in production, and the tests in which it does not break us."""

import re
from pathlib import Path

from tooling.steps import ROOT

LIST = {
    1: "kill -9 before and after every checkpoint",
    2: "Postgres restarts during a recovery",
    3: "the leader of NATS changes in the middle of a publish",
    4: "workers of one name overlap in a rolling restart",
    5: "a zombie worker wakes after its lease moved on",
    6: "poisonous values: NUL, NaN, 5 MB, lone surrogates, an array at the top",
    7: "an event comes before the wait, twice, or after a cancel",
    8: "a cancel races the completion",
    9: "the event loop is blocked for longer than any lease",
    10: "a worker is shut down while all its slots are busy",
    11: "clocks jump by an hour",
    12: "a limit is lowered while it is held, and its holder dies",
    13: "a flood of log lines",
    14: "a reader joins late, and loses its connection",
    15: "a deployment removes a step of running executions",
    16: "retention works on a large history under load",
    17: "a schedule after three hours of downtime",
    18: "a gateway dies between the append and its answer",
}
LATER = {7: "events", 15: "drift"}
"""What waits for a part that is not built yet."""
_NAMED = re.compile(r"^ *(?:async )?def (test_\w*torture_(\d\d)_(\w+))\(", re.MULTILINE)


def found(tests: Path) -> dict[int, list[tuple[str, Path]]]:
    """Returns the tests named after each item of the list: what they promise, and where they are."""
    by_item: dict[int, list[tuple[str, Path]]] = {}
    for path in sorted(tests.rglob("test_*.py")):
        for _, number, promise in _NAMED.findall(path.read_text()):
            by_item.setdefault(int(number), []).append((promise.replace("_", " "), path))
    return by_item


def missing(by_item: dict[int, list[tuple[str, Path]]]) -> list[str]:
    """Returns the items that have no test and wait for nothing, and tests named after no item."""
    lacking = [f"{item}: {says}" for item, says in LIST.items() if item not in by_item and item not in LATER]
    return lacking + [f"{item}: no such item" for item in by_item if item not in LIST]


def page(by_item: dict[int, list[tuple[str, Path]]]) -> str:
    """Returns the page."""
    rows = "".join(_row(item, says, by_item.get(item, [])) for item, says in LIST.items())
    return (
        "# The torture list\n\n"
        "Production bugs of other engines, and what follows from our own parts; each is a test here.\n"
        "Made from the names of the tests by `python -m tooling.torture_tests`: change those, not this page.\n\n"
        "| | what happens | what is held to |\n|---|---|---|\n" + rows
    )


def _row(item: int, says: str, tests: list[tuple[str, Path]]) -> str:
    held = "<br>".join(f"{promise} [·](../{path.relative_to(ROOT)})" for promise, path in tests)
    return f"| {item} | {says} | {held or f'comes with {LATER.get(item)}'} |\n"


if __name__ == "__main__":
    print(page(found(ROOT / "tests")), end="")
