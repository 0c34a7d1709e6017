"""What a test wrote down while the system ran: the callers' records, the effects of steps, the faults."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One moment of one operation, in nanoseconds of the test's own monotonic clock.

    `info` is an outcome that nobody knows: a time-out, a reset, a 5xx. `fail` surely did not happen.
    """

    t_ns: int
    process: str
    type: str
    """invoke, ok, fail or info."""
    op: str
    """submit, read, cancel, checkpoint, append; others are only counted."""
    execution_id: str | None = None
    token: str | None = None
    """What the submission carries as its label `token`, to tell it from all others."""
    key: str | None = None
    """Its idempotency key."""
    step: str | None = None
    attempt: int | None = None
    version: int | None = None
    status: str | None = None
    output: str | None = None
    """The result as compact JSON, or a hash of it: compared, never read."""
    error: str | None = None
    project: str | None = None
    """To which project the caller belongs, where there are several."""


class Effect(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the effect ledger, written by the task's own code: the only witness of what really ran."""

    t_ns: int
    process: str
    execution_id: str
    step: str
    attempt: int
    what: str
    """begin or end."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done to whom, until when it lasted, and whether work was under way there."""

    t_ns: int
    until_ns: int
    kind: str
    target: str = ""
    landed: bool = False


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A projection's row of an execution as it was seen at one moment; `final` once everything was quiet."""

    t_ns: int
    execution_id: str
    version: int
    status: str
    final: bool = False
    digest: str | None = None
    """Of the whole state: see `digest` in checker.py."""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A log line as a reader got it, over however many connections; `dropped`: how many a marker before it counts."""

    t_ns: int
    reader: str
    execution_id: str
    number: int
    dropped: int = 0
    of: int = 0
    """How many were written, once it is known."""


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """A time at which a schedule had to start an execution."""

    schedule: str
    at: datetime


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was written down of one run."""

    records: list[Record] = []
    effects: list[Effect] = []
    faults: list[Fault] = []
    rows: list[Row] = []
    lines: list[Line] = []
    ticks: list[Tick] = []


def write(path: Path, items: Iterable[msgspec.Struct]) -> None:
    """Append these to a file, one JSON object a line."""
    with path.open("ab") as file:
        for item in items:
            file.write(msgspec.json.encode(item) + b"\n")


def read(path: Path, kind: type[T]) -> list[T]:
    """All whole lines of a file; a last line torn by a kill is left out."""
    decoder = msgspec.json.Decoder(kind)
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    return [decoder.decode(line) for line in whole.splitlines()]
