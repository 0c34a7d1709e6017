"""Tables of what a comparison measured: `python -m bench.report FILE`.

Cells are the median (least–most) of the runs; runs in which others took more than 60 % of a core are left out where a
calm one exists, and told as DISTURBED where none does. A ratio: Onward over the peer that was measured right after it,
the median of those pairs.
"""

import argparse
import json
import statistics
from collections import defaultdict
from pathlib import Path

from bench.figures import GOALS, TABLES, Figure, Goal, Line
from bench.machine import CALM
from bench.peers import fsync_of
from bench.printed import asks_where, put

OURS = "onward"
Who = tuple[str, str]
"""A name and its profile."""


class Comparison:
    """The lines of a file."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    def systems(self, workload: str) -> list[Who]:
        """Who was asked, Onward first."""
        found = {(line["peer"], line["profile"]) for line in self.lines if line["workload"] == workload}
        return sorted(found, key=lambda who: (who[0] != OURS, who))

    def runs(self, workload: str, who: Who) -> list[Line]:
        """Those that count."""
        good = [line for line in self._all(workload, who) if not why_not(line)]
        return [line for line in good if calm(line)] or good

    def why_not(self, workload: str, who: Who) -> str:
        """Why there are none."""
        return next((why_not(line) for line in self._all(workload, who)), "")

    def ratios(self, workload: str, figure: Figure, peer: Who) -> list[float]:
        """Onward over the peer, for each round of both."""
        ours = self._by_round(workload, OURS, {":".join(peer), "all"})
        theirs = self._by_round(workload, peer[0], {":".join(peer)})
        pairs = [(ours[number], theirs[number]) for number in ours.keys() & theirs.keys()]
        pairs = [pair for pair in pairs if all(map(calm, pair))] or pairs
        return [read(figure, a) / read(figure, b) for a, b in pairs if read(figure, b)]

    def _by_round(self, workload: str, name: str, beside: set[str]) -> dict[int, Line]:
        """The calmest run of each round."""
        found: dict[int, Line] = {}
        for line in self.lines:
            it_is = (line["workload"], line["peer"]) == (workload, name) and line["beside"] in beside
            if it_is and not why_not(line):
                number = line["round"]
                found[number] = min(found.get(number, line), line, key=disturbed)
        return found

    def _all(self, workload: str, who: Who) -> list[Line]:
        return [
            line
            for line in self.lines
            if line["workload"] == workload and (line["peer"], line["profile"]) == who
        ]


def disturbed(line: Line) -> float:
    """Percent of a core that others took."""
    return float(line.get("others_cpu_pct", 0))


def calm(line: Line) -> bool:
    """Whether it counts where there are better ones and worse ones."""
    return disturbed(line) <= CALM


def why_not(line: Line) -> str:
    """Why a line holds no figures."""
    for name, words in (("not_run", "NOT RUN: "), ("error", "FAILED: "), ("na", "not applicable: ")):
        if name in line:
            return words + str(line[name]).replace("|", "/")
    return ""


def read(figure: Figure, line: Line) -> float:
    """The figure of a run; 0 where it has none."""
    try:
        return figure.read(line)
    except (KeyError, TypeError):
        return 0.0


def cell(values: list[float], digits: int) -> str:
    """The median, and between what."""
    if not values:
        return "–"
    middle, least, most = (
        f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    )
    return middle if len(values) == 1 else f"{middle} ({least}–{most})"


def table(comparison: Comparison, workload: str) -> list[str]:
    """One workload."""
    title, figures = TABLES[workload]
    compared = [figure for figure in figures if figure.compared]
    heads = ["system", "profile", "fsync", "runs", *(figure.name for figure in figures)]
    heads += [f"Onward ÷ it: {figure.name}" for figure in compared]
    rows = [f"### {title}", "", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for who in comparison.systems(workload):
        runs = comparison.runs(workload, who)
        fsync = "on: NATS and Postgres" if who[0] == OURS else fsync_of(*who)
        told = str(len(runs)) if all(map(calm, runs)) else f"{len(runs)}, DISTURBED"
        cells = [*who, fsync, told]
        if runs:
            cells += [cell([read(figure, run) for run in runs], figure.digits) for figure in figures]
            cells += [
                "" if who[0] == OURS else cell(comparison.ratios(workload, figure, who), 2)
                for figure in compared
            ]
        else:
            cells += [comparison.why_not(workload, who), *[""] * (len(heads) - len(cells) - 1)]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def goals(comparison: Comparison) -> list[str]:
    """What was to be reached."""
    heads = ["workload", "what", "Onward", "beside", "ratio", "goal", "moonshot", "reached"]
    rows = ["### Goals", "", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return rows + ["| " + " | ".join(_goal(comparison, goal)) + " |" for goal in GOALS]


def _goal(comparison: Comparison, goal: Goal) -> list[str]:
    figure = next(one for one in TABLES[goal.workload][1] if one.name == goal.figure)
    ours, theirs = (
        next((who for who in comparison.systems(goal.workload) if who[0] == name), (name, ""))
        for name in (OURS, goal.beside)
    )
    runs = [read(figure, run) for run in comparison.runs(goal.workload, ours)]
    beside = [read(figure, run) for run in comparison.runs(goal.workload, theirs)] if goal.beside else []
    ratios = comparison.ratios(goal.workload, figure, theirs) if goal.beside else []
    judged = ratios if goal.beside else runs
    reached = "NOT RUN"
    if judged:
        middle = statistics.median(judged)
        reached = "yes" if goal.met(middle) else f"NO: {middle:.3g}"
    return [
        goal.workload.upper(), figure.name, cell(runs, figure.digits),
        f"{goal.beside} {cell(beside, figure.digits)}" if goal.beside else "", cell(ratios, 2),
        goal.text(goal.bound), goal.text(goal.moonshot), reached,
    ]  # fmt: skip


def made(lines: list[Line]) -> str:
    """The whole report."""
    comparison = Comparison(lines)
    parts = [goals(comparison)]
    parts += [table(comparison, workload) for workload in TABLES if comparison.systems(workload)]
    versions: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        for name, version in line.get("versions", {}).items():
            versions[name].add(str(version))
    told = [f"{name} {', '.join(sorted(found))}" for name, found in sorted(versions.items())]
    flush, loop = ([read(Figure("", lambda line, n=name: line[n]), line) for line in lines if name in line]
                   for name in ("fdatasync_p50_ms", "cpu_probe_ms"))  # fmt: skip
    parts.append(
        [
            f"The machine meanwhile: one flush of 4 KiB {cell(flush, 2)} ms, a fixed loop {cell(loop, 0)} ms.",
            "",
            f"Versions: {'; '.join(told)}.",
        ]
    )
    return "\n\n".join("\n".join(part) for part in parts)


def main() -> int:
    """Prints it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    asks_where(parser)
    asked = parser.parse_args()
    report = made([json.loads(line) for line in asked.file.read_text().splitlines()])
    print(report)
    put(asked.into, "comparison", report)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
