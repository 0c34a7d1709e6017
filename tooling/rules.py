"""The house's own rules about files: each takes a folder, and returns its findings as lines of text."""

import re
from collections.abc import Iterator
from pathlib import Path

LONGEST, QUESTIONABLE = 400, 300
CODE = {".py", ".sql", ".js", ".css", ".html"}
DRAWERS = {"utils", "util", "common", "helpers", "helper", "base", "misc"}
MADE = {"__pycache__", "node_modules", "dist", "build"}
ADDRESS = re.compile(r"://|^\s*(-i|-f|--(extra-)?index-url|--find-links)\b", re.MULTILINE)
LOCKS = ("requirements*.txt", "*.lock", "package-lock.json")


def oversized(root: Path) -> tuple[list[str], list[str]]:
    """Returns the files that are too long, and those long enough to ask whether they are one thing."""
    lengths = {
        path: len(path.read_text(errors="replace").splitlines())
        for path in files(root)
        if path.suffix in CODE
    }
    said = {path: f"{path.relative_to(root)}: {lines} lines" for path, lines in sorted(lengths.items())}
    too_long = [said[path] for path in said if lengths[path] > LONGEST]
    long = [said[path] for path in said if QUESTIONABLE < lengths[path] <= LONGEST]
    return too_long, long


def drawers(root: Path) -> list[str]:
    """Returns the modules and packages whose name says only that something was put there."""
    modules = [path for path in files(root) if path.suffix == ".py"]
    named = {
        str(path.relative_to(root)) for path in modules if path.stem in DRAWERS or path.parent.name in DRAWERS
    }
    return sorted(named)


def addresses(root: Path) -> list[str]:
    """Returns the lock files that name where their packages were downloaded from."""
    locks = [path for path in files(root) if any(path.match(pattern) for pattern in LOCKS)]
    return [
        f"{path.relative_to(root)}: names an address" for path in locks if ADDRESS.search(path.read_text())
    ]


def files(root: Path) -> Iterator[Path]:
    """Yields the project's own files, and none that was made or belongs to a tool."""
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or path.name in MADE:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from files(path)
        elif path.is_file():
            yield path
