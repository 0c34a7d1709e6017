"""CPU and memory of processes and of what they have started, as /proc tells."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PPID, _OWN_CPU, _CHILDREN_CPU = 1, slice(11, 13), slice(13, 15)


def family(roots: Iterable[int]) -> set[int]:
    """These processes, what they have started, and so on."""
    parents = {int(pid.name): stat[_PPID] for pid in Path("/proc").glob("[0-9]*") if (stat := _stat(pid))}
    found = set(roots) & parents.keys()
    while more := {pid for pid, parent in parents.items() if int(parent) in found} - found:
        found |= more
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """What they have used so far, and their children that have ended."""
    stats = (_stat(Path(f"/proc/{pid}")) for pid in pids)
    return sum(sum(map(int, stat[_OWN_CPU] + stat[_CHILDREN_CPU])) for stat in stats if stat) / _TICKS


def pss_mib(pids: Iterable[int]) -> float:
    """Their memory, where what several share counts once."""
    return round(sum(map(_pss, pids)) / 1024, 1)


def rss_mib(pids: Iterable[int]) -> float:
    """Their memory, where what several share counts for each."""
    return round(sum(_kib(pid, "status", "VmRSS:") for pid in pids) / 1024, 1)


def _pss(pid: int) -> int:
    return _kib(pid, "smaps_rollup", "Pss:")


def _kib(pid: int, file: str, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def _stat(process: Path) -> list[str]:
    try:
        return (process / "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []
