"""The log file of a child process: appended by the child itself, kept small by us."""

import os
import shutil
from pathlib import Path

TAIL_BYTES = 4096


def open_to_append(path: Path) -> int:
    """Returns a descriptor that a child may write to; appending makes a later `rotate` safe."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def rotate(path: Path, *, cap: int, keep: int = 2) -> bool:
    """Moves a log that outgrew its cap aside, by copy and truncate: the child keeps its open file."""
    if not path.exists() or path.stat().st_size <= cap:
        return False
    for age in range(keep, 1, -1):
        older = _aged(path, age - 1)
        if older.exists():
            older.replace(_aged(path, age))
    shutil.copyfile(path, _aged(path, 1))
    _aged(path, 1).chmod(0o600)
    os.truncate(path, 0)
    return True


def tail(path: Path, *, lines: int = 8, after: int = 0) -> list[str]:
    """Returns the last lines that a log got after this position, for an error message."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            file.seek(max(after if after <= size else 0, size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]


def _aged(path: Path, age: int) -> Path:
    return path.with_name(f"{path.name}.{age}")
