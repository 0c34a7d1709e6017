"""Takes out of other people's text whatever a terminal would obey; colours may stay."""

import re

# Whole sequences, with their payload: an unfinished one reaches to the end of its line.
_OBEYED = re.compile(
    r"(?P<colour>\x1b\[[0-9;:]*m)"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # operating system command: titles, clipboard, links
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c\n]*(?:\x1b\\|\x9c)?"  # device control and other strings
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # cursor, screen, modes
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    r"|[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"  # invisible, and reorders what is read
    r"|[\ud800-\udfff]"
)
# What JSON and YAML would let through inside a string.
_HIDDEN = re.compile(
    r"[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
_BLANKS = re.compile(r"\s+")
RESET = "\x1b[0m"


def line(text: str, *, colour: bool = True) -> str:
    """Returns one line of a log, safe to print; colours are ended at its end."""
    cleaned = _OBEYED.sub(lambda found: (found["colour"] or "") if colour else "", text).replace("\n", " ")
    return cleaned + RESET if "\x1b" in cleaned else cleaned


def text(value: str) -> str:
    """Returns text of several lines without any control character but the line's end and the tab."""
    return _OBEYED.sub("", value)


def cell(value: str) -> str:
    """Returns text for one place in a table: one line, single blanks."""
    return _BLANKS.sub(" ", _OBEYED.sub("", value)).strip()


def escaped(encoded: str) -> str:
    r"""Returns JSON or double-quoted YAML with what a terminal obeys written as \uXXXX: the value is the same."""
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", encoded)


def is_hidden(value: str) -> bool:
    """Says whether a string holds what `escaped` would rewrite."""
    return _HIDDEN.search(value) is not None
