"""Analyses the source of Python's own standard library: one step per package, a report as the result.

Kill the worker in the middle: another one goes on with the next package, and none is read twice.
"""

import ast
import sysconfig
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from onward import Registry, checkpoint, log, progress, step

registry = Registry("stdlib-report")


class PackageReport(msgspec.Struct):
    """What one package consists of."""

    name: str
    files: int
    lines: int
    functions: int
    classes: int
    longest_function: str
    longest_lines: int
    imports: dict[str, int]
    unreadable: int = 0


@registry.task
async def stdlib_report(most: int = 24) -> dict[str, Any]:
    """Read the `most` largest packages of the standard library and report on them."""
    home = Path(sysconfig.get_paths()["stdlib"])
    names = await step("find packages", find_packages, str(home), most)
    reports: list[PackageReport] = []
    for number, name in enumerate(names, 1):
        report = await step(f"analyse {name}", analyse, str(home), name)
        reports.append(report)
        log(f"{name}: {report.files} files, {report.lines} lines, {report.functions} functions")
        await progress(number / len(names), name)
    await checkpoint("packages", [report.name for report in reports])
    return await step("write report", summarise, reports)


def find_packages(home: str, most: int) -> list[str]:
    """The names of the largest packages, by bytes of source; tests and installed packages left out."""
    sizes = {
        folder.name: sum(file.stat().st_size for file in folder.rglob("*.py"))
        for folder in Path(home).iterdir()
        if (folder / "__init__.py").exists() and folder.name not in ("test", "idlelib", "site-packages")
    }
    return sorted(sizes, key=lambda name: (-sizes[name], name))[:most]


def analyse(home: str, name: str) -> PackageReport:
    """Parse every module of a package."""
    report = PackageReport(name, 0, 0, 0, 0, "", 0, {})
    imports: Counter[str] = Counter()
    for file in sorted((Path(home) / name).rglob("*.py")):
        source = file.read_text("utf-8", "replace")
        report.files += 1
        report.lines += source.count("\n")
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):  # lib2to3 and others keep broken files as test data
            report.unreadable += 1
            continue
        _count(tree, report, imports)
    report.imports = dict(imports.most_common(5))
    return report


def _count(tree: ast.AST, report: PackageReport, imports: Counter[str]) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            report.functions += 1
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > report.longest_lines:
                report.longest_function, report.longest_lines = node.name, length
        elif isinstance(node, ast.ClassDef):
            report.classes += 1
        elif isinstance(node, ast.Import):
            imports.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imports[node.module.split(".")[0]] += 1


def summarise(reports: list[PackageReport]) -> dict[str, Any]:
    """The totals, and who holds the records."""
    imports: Counter[str] = Counter()
    for report in reports:
        imports.update(report.imports)
    longest = max(reports, key=lambda report: report.longest_lines)
    return {
        "packages": len(reports),
        "files": sum(report.files for report in reports),
        "lines": sum(report.lines for report in reports),
        "functions": sum(report.functions for report in reports),
        "classes": sum(report.classes for report in reports),
        "largest": {report.name: report.lines for report in sorted(reports, key=lambda r: -r.lines)[:5]},
        "longest_function": f"{longest.name}: {longest.longest_function}, {longest.longest_lines} lines",
        "most_imported": [name for name, _ in imports.most_common(5)],
    }
