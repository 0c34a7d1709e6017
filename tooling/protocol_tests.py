"""Prints docs/protocol-tests.md: each rule of the log, and the tests that hold it, found by their names."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tooling.steps import ROOT

RULES = {
    "A1": "One fence: every append names the last sequence its author saw, with one and the same filter.",
    "A2": "What one look at a log decided is stored whole or not at all.",
    "A3": "A group commit holds one decision of an execution; the second waits for the first one's outcome.",
    "A4": "Decisions of different executions share batches; a refused batch is halved until the innocent are stored.",
    "A5": "An unknown outcome is found out by reading all that was stored since, and retried by deadline.",
    "A6": "A full store refuses what is new, early enough for what runs to end in it.",
    "V1": "A read may be stale: doing nothing needs one that reaches a known floor.",
    "V2": "Ordinals: a hole in a log is reported, never folded over.",
    "V3": "A log is read by the literal subjects that its events name.",
    "T1": "EVENTS has no age limit.",
    "T2": "What is open is carried before it is purged, and nothing is purged that somebody still needs.",
    "T3": "A keyed creation that may be older than the purge asks Postgres first, then EVENTS.",
    "H1": "A hint delivered again means what the log says; a WORK sequence once claimed from is never claimed again.",
    "H2": "The number of deliveries decides nothing; a poison is counted in the log.",
    "H3": "Nobody acks, renews or gives back on the strength of a lease that may be over.",
    "H4": "A hint is never given up, and claimed only in the queue where its execution waits.",
    "H5": "While the source of WORK is silent, hints are given directly.",
    "H6": "What is lost is repaired after two looks at an unchanged log.",
    "M1": "A schedule is named after the event that asked: an older one replaces no newer one.",
    "M2": "A fired timer whose event is still awaited is due, whatever a worker's clock says.",
    "M3": "Schedules have no limits; a bad one is skipped.",
    "F1": "A parent decides on children before anybody creates them; what a dying worker left is repaired.",
    "F2": "A parent hears of each child's end once, in few events, and is woken when it waits for no more.",
    "F3": "The end of a parent stops its children, those included that were not created yet.",
    "L1": "A limit's key is a fenced log of its own: never more than its maximum holds it, and no end leaks a grant.",
    "J1": "The projection applies the next ordinal only, and moves its position in the same transaction.",
    "J2": "A bad event is set aside raw, and the projection moves on.",
    "J3": "A list says up to where it knows everything, and waits for the position it is asked for.",
    "C1": "A cancel is a wake: it is carried out when the owner is dead, without running user code.",
}
SIMULATION, BROKEN, LIVE = "holds in simulation", "breaks when taken out", "holds on real servers"
TIERS = (SIMULATION, BROKEN, LIVE)
FOLDERS = {"simulation": SIMULATION, "live": LIVE}
PLANTED = "PLANTED"
"""Stands in the docstring of whatever takes a rule out: a variant of the code, or a whole test."""
_NOT_SAID = re.compile(r"^torture_\d\d_")
_NAME = re.compile(r"test_((?:[a-z]\d_)+)(\w+)")


@dataclass(frozen=True)
class Test:
    """A test named after rules; `promise` is the rest of its name in words."""

    rules: tuple[str, ...]
    promise: str
    tier: str
    path: Path


def named_tests(tests: Path) -> list[Test]:
    """Returns the tests below this folder that are named after a rule."""
    paths = [path for folder in FOLDERS for path in sorted((tests / folder).rglob("test_*.py"))]
    return [test for path in paths for test in _tests_in(path, FOLDERS[path.relative_to(tests).parts[0]])]


def uncovered(tests: list[Test]) -> list[str]:
    """Returns each rule that has no test in a tier, and each test named after a rule that there is not."""
    found = {(rule, test.tier) for test in tests for rule in test.rules}
    missing = [f"{rule}: nothing {tier}" for rule in RULES for tier in TIERS if (rule, tier) not in found]
    unknown = [
        f"{rule}: a test is named after it, and it is no rule"
        for rule, _ in sorted(found)
        if rule not in RULES
    ]
    return missing + unknown


def page(tests: list[Test]) -> str:
    """Returns the page."""
    rows = [_row(rule, says, tests) for rule, says in RULES.items()]
    return (
        "# The rules of the log, and the tests that hold them\n\n"
        "Made from the names of the tests by `python -m tooling.protocol_tests`: change those, not this page.\n"
        "Where a comment says PROTOCOL H1, it means the rule H1 below. Each rule has a test in which it holds in\n"
        "simulation, one in which it is taken out and something breaks, and one on real servers; all tests of H1\n"
        "begin with `test_h1_`.\n\n"
        f"| rule | {' | '.join(TIERS)} |\n|---|---|---|---|\n" + "".join(rows)
    )


def _row(rule: str, says: str, tests: list[Test]) -> str:
    cells = [
        "<br>".join(
            f"{test.promise} [·](../{test.path.relative_to(ROOT)})" for test in tests if _is(test, rule, tier)
        )
        for tier in TIERS
    ]
    return f"| **{rule}** {says} | {' | '.join(cells)} |\n"


def _is(test: Test, rule: str, tier: str) -> bool:
    return rule in test.rules and test.tier == tier


def _tests_in(path: Path, tier: str) -> Iterator[Test]:
    source = path.read_text()
    defined = _definitions(ast.parse(source), source)
    for name in defined:
        if found := _NAME.fullmatch(name):
            rules = tuple(found[1].upper().rstrip("_").split("_"))
            taken_out = tier == SIMULATION and PLANTED in _reachable(name, defined)
            yield Test(
                rules, _NOT_SAID.sub("", found[2]).replace("_", " "), BROKEN if taken_out else tier, path
            )


def _definitions(module: ast.Module, source: str) -> dict[str, str]:
    named = [
        node
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    inside = [part for node in named if isinstance(node, ast.ClassDef) for part in node.body]
    tests = [part for part in inside if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {
        node.name: ast.get_source_segment(source, node) or ""
        for node in (*named, *(part for part in tests if part.name.startswith("test_")))
    }


def _reachable(name: str, defined: dict[str, str]) -> str:
    """Returns the source of this test and of all that it names in its module."""
    seen: list[str] = []
    todo = [name]
    while todo:
        seen.append(todo.pop())
        words = set(re.findall(r"\w+", defined[seen[-1]]))
        todo += [word for word in words & defined.keys() if word not in seen and word not in todo]
    return "\n".join(defined[each] for each in seen)


if __name__ == "__main__":
    print(page(named_tests(ROOT / "tests")), end="")
