"""Prints docs/reliability.md: what is promised, the tests that hold it, the last figures, and what is not shown."""

# ruff: noqa: E501 - rows of tables, and paragraphs of a page

import re
from pathlib import Path

from tooling.reliability_figures import FIGURES, STRANGE
from tooling.reliability_table import INVARIANTS, PLANTED, PROMISES, Figure, Tests
from tooling.steps import ROOT

_NAMED = re.compile(r"^ *(?:async )?def (test_\w+)\(", re.MULTILINE)
Places = dict[str, Path]


def places(tests: Path) -> Places:
    """Returns where each test is."""
    return {
        name: path for path in sorted(tests.rglob("test_*.py")) for name in _NAMED.findall(path.read_text())
    }


def missing(found: Places) -> list[str]:
    """Returns the tests that the page names and that are not there."""
    named = [name for promise in PROMISES for name in promise.tests]
    named += [name for _, tests in PLANTED.values() for name in tests]
    named += [name for figure in [*FIGURES.values(), *STRANGE] for name in figure.tests]
    return sorted(set(named) - set(found))


def page(found: Places) -> str:
    """Returns the page. Raises LookupError where it names a test that is not there."""
    if lost := missing(found):
        raise LookupError(
            f"tooling/reliability_table.py and _figures.py name what is no test: {', '.join(lost)}"
        )
    return OPENING + "".join((
        "## What you may count on\n\n| promise | checked as | tests |\n|---|---|---|\n",
        *(f"| {p.says} | {_checked(p.invariants)} | {_links(p.tests, found)} |\n" for p in PROMISES),
        NOT_PROMISED,
        "\n## What the checker looks at\n\n", CHECKER, "\n| | what must hold |\n|---|---|\n",
        *(f"| I{number} | {says} |\n" for number, says in INVARIANTS.items()),
        SHOWN_TO_FAIL,
        *(f"| {n} | {says} | {_links(tests, found)} |\n" for n, (says, tests) in PLANTED.items()),
        "\n## Figures\n\n", REPEAT, FIGURES_HEAD,
        *(_row(f"G{number}", figure, found) for number, figure in FIGURES.items()),
        STRANGE_HEAD, FIGURES_HEAD,
        *(_row(f"S{number}", figure, found) for number, figure in enumerate(STRANGE, 1)),
    ))  # fmt: skip


def _row(number: str, figure: Figure, found: Places) -> str:
    command = f"`{figure.command}`" if figure.command else ""
    short = figure.short if figure.tests else "all of it"
    cells = (number, figure.goal, _links(figure.tests, found), command, figure.last, short)
    return f"| {' | '.join(cells)} |\n"


def _checked(invariants: tuple[int, ...]) -> str:
    return ", ".join(f"I{number}" for number in invariants)


def _links(tests: Tests, found: Places) -> str:
    return "<br>".join(
        f"{name.removeprefix('test_').replace('_', ' ')} [·](../{found[name].relative_to(ROOT)})"
        for name in tests
    )


OPENING = """# What you may count on, and how we know

Made by `python -m tooling.reliability_page` from tables that name tests: a test that is renamed or removed fails the check.
The rules of the log, with a test each in which the rule is taken out, are in [protocol-tests.md](protocol-tests.md);
production bugs of other engines in [torture.md](torture.md).

"""
NOT_PROMISED = """
Not promised: that an effect on the world outside happens exactly once; that anything outlives the only disk; an order
between different executions.
"""
CHECKER = """Tests write down what callers were told, what steps really did (a ledger that no fault hits), which faults came and
whether they hit work under way. `onward.testing.checker` compares that with a dump of the log, in one pass. A run whose
faults hit nothing, or in which nothing was asked, is called vacuous: it proves nothing, whatever else it says. Day after
day is simulated on a virtual clock, with the real worker, the real decisions and a bus in memory that loses, delays,
doubles and reorders; a seed gives the same day each time.
"""
SHOWN_TO_FAIL = """
## The checker is shown to fail

Each of these is built in, and reported by the name of what it breaks.

| | planted | found by |
|---|---|---|
"""
FIGURES_HEAD = """
| | what is done | tests | command | last | not shown |
|---|---|---|---|---|---|
"""
STRANGE_HEAD = """
## Strange input, hostile settings

`ONWARD_FUZZ=50` gives the fuzz tests of S2 to S5 fifty times their examples. `python3 dev.py test --hostile` runs the journeys with a lease
of a second, one event a transaction, two connections to Postgres, every hint given back after each event, every decision appended
by itself, every sleep suspended, and keepers that forget at once what they have read (tests/support/hostile.py, hostile_program.py).
"""
REPEAT = """`NAME` stands for a test's name. The figures are of two cores with everything on them, fsync on. `--all` runs the slow ones as
well, and takes ninety minutes. An empty cell under *last* means: the test passes, and no figure was noted here.
"""


if __name__ == "__main__":
    print(page(places(ROOT / "tests")), end="")
