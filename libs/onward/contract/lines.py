"""The log lines of an execution, and the chunks they are stored and sent in.

A chunk is one message on `onward.logs.<project>.<execution id>`. Its lines are numbered without a hole from the
end of the chunk before it, whichever attempt or worker wrote that. `before` and `levels` count lines by level up to
and in the chunk, so that who looks for the last lines, a line number or a level finds the chunk by bisection instead
of reading them all.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

import msgspec

T = TypeVar("T")

LEVELS = ("debug", "info", "warning", "error", "critical")
"""From the least to the most severe."""
STREAMS = ("stdout", "stderr", "log", "output", "system")
"""Where a line came from: what the task printed, what it logged, a piece of its output (each goes on where the last
one ended), or what Onward has to say."""
MAX_LINE = 16 * 1024
"""Bytes of text in one line; a longer one is cut, and says so."""
MAX_CHUNK = 64 * 1024
"""Bytes of one chunk, unless a single line is larger than that once it is JSON."""


class Line(msgspec.Struct, frozen=True):
    """One line of a log, as it is stored, sent and shown."""

    line: int
    time: datetime
    level: str
    stream: str
    attempt: int
    step: str | None
    text: str


class _Counts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    execution_id: str
    attempt: int
    worker_id: str
    first: int
    """The number of its first line."""
    count: int
    levels: dict[str, int]
    """Lines of each level in this chunk."""
    before: dict[str, int] = {}
    """Lines of each level in all chunks before this one."""
    dropped: int = 0
    """Lines dropped since the log began, as marker lines up to here say."""

    @property
    def last(self) -> int:
        """The number of its last line."""
        return self.first + self.count - 1

    @property
    def totals(self) -> dict[str, int]:
        """Lines of each level up to and including this chunk."""
        return {
            level: self.before.get(level, 0) + self.levels.get(level, 0)
            for level in self.before.keys() | self.levels.keys()
        }


class Chunk(_Counts, frozen=True, kw_only=True, omit_defaults=True):
    """A run of lines of one attempt."""

    lines: list[Line]
    end: bool = False
    """Whether this attempt's log ends here: nothing of it can be missing."""


class Head(_Counts, frozen=True, kw_only=True, omit_defaults=True):
    """A chunk whose lines are left as the JSON array they are: most readers only pass them on."""

    lines: msgspec.Raw
    end: bool = False


_encoder = msgspec.json.Encoder()
_chunk = msgspec.json.Decoder(Chunk)
_head = msgspec.json.Decoder(Head)
_lines = msgspec.json.Decoder(list[Line])
_each = msgspec.json.Decoder(list[msgspec.Raw])


def encode(chunk: Chunk | Head) -> bytes:
    """The chunk as JSON."""
    return _encoder.encode(chunk)


def encode_line(line: Line) -> bytes:
    """The line as JSON."""
    return _encoder.encode(line)


def _read(decoder: "msgspec.json.Decoder[T]", raw: bytes | msgspec.Raw) -> T:
    try:
        return decoder.decode(raw)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None


def decode(raw: bytes) -> Chunk:
    """The chunk in `raw`; raises msgspec.MsgspecError where it is none."""
    return _read(_chunk, raw)


def head(raw: bytes) -> Head:
    """The chunk in `raw` without a look at its lines; raises msgspec.MsgspecError where it is none."""
    return _read(_head, raw)


def lines_of(head: Head) -> list[Line]:
    """The lines that `head` left alone."""
    return _read(_lines, head.lines)


def each_of(head: Head) -> list[msgspec.Raw]:
    """The same, each still as the JSON it was stored as."""
    return _read(_each, head.lines)


def at_least(level: str) -> frozenset[str]:
    """The levels that a reader wants who asks for `level` and what is worse."""
    return frozenset(LEVELS[LEVELS.index(level) :])


def count_of(counts: Mapping[str, int], levels: frozenset[str]) -> int:
    """How many of the counted lines have one of `levels`."""
    return sum(n for level, n in counts.items() if level in levels)
