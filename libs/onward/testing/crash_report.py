"""What became of a task whose worker was killed everywhere."""

from typing import Self

import msgspec


class CrashPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One place where the worker was killed, and what came of it."""

    where: str
    """Before or after which event was appended."""
    again: dict[str, int] = {}
    """Steps that ran once more, as their result was not saved yet: how often, by name."""
    doubled: dict[str, int] = {}
    """Effects that came to pass more often than without a crash: how often altogether, by name."""
    wrong: tuple[str, ...] = ()
    """What broke a promise."""

    @property
    def ok(self) -> bool:
        """Whether nobody outside could tell that there was a crash."""
        return not self.wrong and not self.doubled


class CrashReport(msgspec.Struct, frozen=True, kw_only=True):
    """All places where the worker of one task was killed. `print(report)` shows them as a table."""

    task: str
    outcome: str
    points: tuple[CrashPoint, ...]
    clean: tuple[str, ...] = ()
    """What was wrong without any crash."""

    @property
    def ok(self) -> bool:
        """Whether the task ended the same everywhere, no finished step ran again, and no effect doubled."""
        return not self.clean and all(point.ok for point in self.points)

    @property
    def doubled(self) -> dict[str, int]:
        """The effects that doubled, and how often at worst."""
        worst: dict[str, int] = {}
        for point in self.points:
            for name, times in point.doubled.items():
                worst[name] = max(times, worst.get(name, 0))
        return worst

    @property
    def ran_again(self) -> set[str]:
        """The steps that ran again somewhere: their effects need an idempotency key."""
        return {name for point in self.points for name in point.again}

    def check(self) -> Self:
        """The report, where all is well. Raises AssertionError with the whole table where it is not."""
        if not self.ok:
            raise AssertionError(str(self))
        return self

    def __str__(self) -> str:
        rows = [("killed", "ran again", "effects doubled", "wrong")]
        rows += [
            (point.where, _told(point.again), _told(point.doubled), "; ".join(point.wrong))
            for point in self.points
        ]
        if self.clean:
            rows.append(("(never)", "", "", "; ".join(self.clean)))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [
            "  ".join(
                [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]
            ).rstrip()
            for row in rows
        ]
        bad = sum(not point.ok for point in self.points)
        said = "all is well" if self.ok else f"{bad} of them went wrong"
        return "\n".join(
            [f"{self.task}: {self.outcome}, killed in {len(self.points)} places, {said}", *lines]
        )


def _told(counted: dict[str, int]) -> str:
    return ", ".join(name if times == 1 else f"{name} ×{times}" for name, times in sorted(counted.items()))
