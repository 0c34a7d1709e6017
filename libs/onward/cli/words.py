"""Times and durations as people say them; a program reads the exact ones from JSON."""

import math
import re
from datetime import UTC, datetime, timedelta

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


def seconds(text: str) -> float:
    """Returns the seconds in `90`, `1.5h`, `1h30m` or `250ms`; raises ValueError for anything else."""
    text = text.strip().lower()
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        total = float(text)
    elif _DURATION.fullmatch(text):
        total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    else:
        raise ValueError(text)
    if math.isinf(total):
        raise ValueError(text)
    return total


def moment(text: str, now: datetime) -> datetime:
    """Returns the time that `1h` (ago) or an RFC 3339 time or date stands for; raises ValueError for anything else."""
    try:
        return now - timedelta(seconds=seconds(text))
    except ValueError:
        at = parse(text)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(text) from None


def parse(text: str) -> datetime:
    """Returns the time in an RFC 3339 text."""
    return datetime.fromisoformat(text)


def duration(ms: float | None) -> str:
    """Returns `4ms`, `42.7s`, `3m 12s`, `2h 5m`, `3d 4h`."""
    if ms is None:
        return "-"
    if ms < 1000:
        return f"{ms:.0f}ms"
    whole = round(ms / 1000)
    if ms < 60_000 and whole < 60:
        return f"{ms / 1000:.1f}s"
    for unit, size, below, lower in (("d", 86_400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // lower
            return f"{whole // size}{unit} {rest}{below}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"


def ago(at: str | None, now: datetime) -> str:
    """Returns how long ago (or ahead) a time is: `4m ago`, `in 30s`."""
    if at is None:
        return "-"
    passed = (now - parse(at)).total_seconds()
    if abs(passed) < 1:
        return "now"
    told = _roughly(abs(passed))
    return f"{told} ago" if passed > 0 else f"in {told}"


def local(at: str | None) -> str:
    """Returns a time to the second, in the zone of whoever reads it."""
    return "-" if at is None else parse(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def clock(at: str) -> str:
    """Returns the time of day of whoever reads it."""
    return parse(at).astimezone().strftime("%H:%M:%S")


def size(count: float) -> str:
    """Returns a number of bytes as `12.3 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _roughly(passed: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if passed >= length:
            return f"{passed // length:.0f}{unit}"
    return f"{passed:.0f}s"
