"""Chunks as a worker makes them: which lines go into the next one, under which numbers."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from onward.contract import lines as li
from onward.worker.line_buffer import Entry, LineBuffer

_ROOM = li.MAX_CHUNK - 512  # the rest is for what stands around the lines


class Author(msgspec.Struct, frozen=True):
    """Whose lines they are."""

    execution_id: str
    attempt: int
    worker_id: str


class Tail(msgspec.Struct, frozen=True):
    """Where a log ends: the sequence to append after, and what is counted up to there."""

    sequence: int = 0
    line: int = 0
    counts: dict[str, int] = {}
    dropped: int = 0

    def at(self, sequence: int) -> "Tail":
        """The same end, stored under `sequence`."""
        return msgspec.structs.replace(self, sequence=sequence)


class Packed(msgspec.Struct, frozen=True):
    """A chunk ready to be appended, and where the log ends once it is stored."""

    data: bytes
    after: Tail


def tail_of(sequence: int, head: li.Head) -> Tail:
    """The end of a log whose newest chunk is this one."""
    return Tail(sequence, head.last, head.totals, head.dropped)


def that_fit(buffer: LineBuffer, tail: Tail, attempt: int) -> list[bytes]:
    """The lines at the front of the buffer that make one chunk, as JSON."""
    lines: list[bytes] = []
    size = 0
    while (entry := buffer.peek(len(lines))) is not None:
        line = _line(entry, tail.line + len(lines) + 1, attempt)
        size += len(line) + 1
        if lines and size > _ROOM:
            break
        lines.append(line)
    return lines


def pack(
    entries: Sequence[Entry], tail: Tail, author: Author, *, end: bool, lines: Sequence[bytes] | None = None
) -> Packed:
    """The chunk that holds these entries behind `tail`; `lines` are their JSON, where that is made already."""
    if lines is None:
        lines = [_line(entry, tail.line + i, author.attempt) for i, entry in enumerate(entries, 1)]
    head = li.Head(
        execution_id=author.execution_id,
        attempt=author.attempt,
        worker_id=author.worker_id,
        first=tail.line + 1,
        count=len(entries),
        levels=dict(Counter(entry.level for entry in entries)),
        before=tail.counts,
        dropped=tail.dropped + sum(entry.dropped for entry in entries),
        lines=msgspec.Raw(b"[" + b",".join(lines) + b"]"),
        end=end,
    )
    return Packed(li.encode(head), tail_of(tail.sequence, head))


def _line(entry: Entry, number: int, attempt: int) -> bytes:
    line = li.Line(number, entry.at, entry.level, entry.stream, attempt, entry.step, entry.text)
    return li.encode_line(line)
