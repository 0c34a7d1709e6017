"""Moves the schema forward: numbered files, each once, under a lock, and never changed afterwards."""

import hashlib
from datetime import datetime
from importlib.resources import files

import msgspec

from onward.contract.errors import Misconfigured
from onward_execution_state.database import Connection
from onward_execution_state.statements import load

_SQL = load("schema.sql")
_STEP_SECONDS = 3600.0
"""A step may write a large table anew: a million executions take about a minute."""


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema."""

    version: int
    name: str
    statements: str

    @property
    def checksum(self) -> str:
        """What tells whether the file was changed since it was applied."""
        return hashlib.sha256(self.statements.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All steps there are, in order."""
    found = []
    for entry in (files(__package__) / "migrations").iterdir():
        number, _, name = entry.name.removesuffix(".sql").partition("_")
        if entry.name.endswith(".sql"):
            found.append(Migration(int(number), name, entry.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.version)


async def migrate(connection: Connection, now: datetime, steps: list[Migration] | None = None) -> list[int]:
    """Applies the steps that are missing and returns their versions. Raises Misconfigured for a changed one."""
    steps = migrations() if steps is None else steps
    await connection.execute(_SQL["lock"])
    try:
        await connection.execute(_SQL["make_list"])
        applied = {row["version"]: row["checksum"] for row in await connection.fetch(_SQL["applied"])}
        _compare(steps, applied)
        missing = [step for step in steps if step.version not in applied]
        for step in missing:
            async with connection.transaction():
                await connection.execute(step.statements, timeout=_STEP_SECONDS)
                await connection.execute(_SQL["note"], step.version, step.name, step.checksum, now)
        return [step.version for step in missing]
    finally:
        await connection.execute(_SQL["unlock"])


# A version we do not know is no error: a newer release came first, and its schema only adds to ours.
def _compare(steps: list[Migration], applied: dict[int, str]) -> None:
    for step in steps:
        if applied.get(step.version, step.checksum) != step.checksum:
            raise Misconfigured(
                f"migration {step.version} ({step.name}) was changed after it had been applied",
                fix="restore the file as it was, and put the change into a new migration",
            )
