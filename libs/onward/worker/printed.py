"""What a task prints, piece by piece, put together to lines."""

import asyncio
import re
import threading
from typing import Protocol

from onward.contract.lines import MAX_LINE
from onward.worker.scrub import Scrubber

CUT = " … [cut at 16 KiB]"
LEVEL = {"stdout": "info", "stderr": "warning"}
MOST_HELD = 256
"""Unfinished lines of one execution: more become lines as they are."""
_SURROGATE = re.compile("[\ud800-\udfff]")

_Place = tuple[str, int, "asyncio.Task[object] | None"]


class Write(Protocol):
    """Takes a whole line."""

    def __call__(self, level: str, stream: str, text: str, step: str | None = None) -> None:
        """Add the line."""
        ...


def fitted(text: str, scrub: Scrubber) -> str:
    """`text` as it may be stored: without secrets and lone surrogates, and no longer than a line may be."""
    cut = len(text) > MAX_LINE + scrub.longest
    if cut:
        text = text[: MAX_LINE + scrub.longest]
    if scrub:
        text = scrub(text)
        if cut:  # its end may be the beginning of a secret
            text = text[: -scrub.longest]
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        text = _SURROGATE.sub("\ufffd", text)
        raw = text.encode()
    if not cut and len(raw) <= MAX_LINE:
        return text
    return raw[: MAX_LINE - len(CUT.encode())].decode(errors="ignore") + CUT


class Printed:
    """The unfinished lines of one execution, apart for each stream, thread and asyncio task that prints."""

    def __init__(self, write: Write, scrub: Scrubber) -> None:
        self._write, self._keep = write, 2 * (MAX_LINE + scrub.longest)
        self._loop_thread = threading.get_ident()
        self._text: dict[_Place, str] = {}
        self._bytes: dict[_Place, bytes] = {}

    def text(self, stream: str, text: str, step: str | None) -> None:
        """Take what was written to a text stream."""
        place = self._place(stream)
        held = self._text.pop(place, None)
        *lines, rest = (text if held is None else held + text).split("\n")
        for line in lines:
            self._write(LEVEL[stream], stream, line, step)
        if rest:
            self._text[place] = self._bounded(rest)
            if len(self._text) > MOST_HELD:
                self._end_text(next(iter(self._text)), step)

    def bytes(self, stream: str, data: bytes, step: str | None) -> None:
        """Take what a program wrote, or a task to a stream's buffer: UTF-8, whatever else is replaced."""
        place = self._place(stream)
        *lines, rest = (self._bytes.pop(place, b"") + data).split(b"\n")
        for line in lines:
            self._write(LEVEL[stream], stream, line.removesuffix(b"\r").decode(errors="replace"), step)
        if rest:
            self._bytes[place] = rest[: 4 * self._keep]
            if len(self._bytes) > MOST_HELD:
                self._end_bytes(next(iter(self._bytes)), step)

    def end(self, step: str | None = None) -> None:
        """Make lines of all that is unfinished."""
        for place in list(self._text):
            self._end_text(place, step)
        for place in list(self._bytes):
            self._end_bytes(place, step)

    def _place(self, stream: str) -> _Place:
        thread = threading.get_ident()
        return (stream, thread, asyncio.current_task() if thread == self._loop_thread else None)

    def _bounded(self, rest: str) -> str:
        if len(rest) <= self._keep:
            return rest
        # A progress bar writes over its own line: what counts is what it wrote last.
        return rest[rest.rfind("\r", 0, -1) + 1 :][: self._keep]

    def _end_text(self, place: _Place, step: str | None) -> None:
        self._write(LEVEL[place[0]], place[0], self._text.pop(place), step)

    def _end_bytes(self, place: _Place, step: str | None) -> None:
        self._write(LEVEL[place[0]], place[0], self._bytes.pop(place).decode(errors="replace"), step)
