"""Which process a pid means: a number is used again, a number with its start time is not."""

import subprocess
from pathlib import Path

import msgspec

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Identity(msgspec.Struct, frozen=True):
    """One process of this machine, told apart from a later one with the same pid."""

    pid: int
    started: str

    def alive(self) -> bool:
        """Says whether exactly this process still runs; a zombie does not."""
        return identify(self.pid) == self


def identify(pid: int) -> Identity | None:
    """Returns the identity of the process that has this pid now, or nothing."""
    started = _started_on_linux(pid) if _BOOT_ID.exists() else _started_by_ps(pid)
    return Identity(pid, started) if started else None


def _started_on_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command's name may hold spaces and brackets, so fields are counted from its last bracket.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else f"{_BOOT_ID.read_text().strip()}:{fields[18]}"


def _started_by_ps(pid: int) -> str | None:
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    state, _, started = shown.partition(" ")
    return None if not started or state.startswith("Z") else started.strip()
