"""What makes two failures the same one: the type, the place in the author's code, the message without its data."""

import hashlib
import re
from collections.abc import Iterable

from onward.contract.events import Failure

_LONGEST = 300
"""Characters of a message that are compared: what follows is data."""
_DATA = (
    (re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE), "<url>"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+"), "<address>"),
    (re.compile(r"(?:\b[a-z]:\\|~/|\.{0,2}/)[\w.@%+~-]+(?:[/\\][\w.@%+~-]+)*", re.IGNORECASE), "<path>"),
    (re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`"), "<text>"),
    (re.compile(r"\b(?:0x[0-9a-f]+|(?=[0-9a-f]*[0-9])[0-9a-f]{8,})\b", re.IGNORECASE), "<id>"),
    (re.compile(r"[+-]?\d+(?:[.,:]\d+)*(?:e[+-]?\d+)?", re.IGNORECASE), "<n>"),
)


def fingerprint(kind: str, message: str, frames: Iterable[str] = ()) -> str:
    """Sixteen hexadecimal digits; `frames` are `file:function`, the innermost last."""
    told = "\n".join([kind, shape(message), *frames])
    return hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=8).hexdigest()


def fingerprint_of(failure: Failure) -> str:
    """The fingerprint of a failure; one that no code has raised has none of its own."""
    return failure.fingerprint or fingerprint(failure.type, failure.message)


def shape(message: str) -> str:
    """The message with marks in the place of numbers, ids, paths, addresses and quoted text."""
    text = message[: 2 * _LONGEST]
    for pattern, mark in _DATA:
        text = pattern.sub(mark, text)
    return " ".join(text.split())[:_LONGEST]
