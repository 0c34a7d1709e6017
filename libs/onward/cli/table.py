"""Columns that line up on a terminal, and the colours of what is in them."""

import unicodedata
from collections.abc import Iterator, Sequence

BOLD, DIM, RED, GREEN, YELLOW, BLUE, GREY = "1", "2", "31", "32", "33", "34", "90"
_GAP = "  "
_NARROWEST = 8

MARKS = {
    "pending": ("○", YELLOW),
    "running": ("▶", BLUE),
    "completed": ("✓", GREEN),
    "failed": ("✕", RED),
    "cancelled": ("⊘", GREY),
}
"""Never colour alone: a sign, the word, and the colour."""


def painted(text: str, style: str) -> str:
    """Returns text in a colour."""
    return f"\x1b[{style}m{text}\x1b[0m" if style and text else text


def width(text: str) -> int:
    """Returns the columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


def cut(text: str, columns: int) -> str:
    """Returns as much of a text as fits, with a sign where something is left out."""
    if width(text) <= columns:
        return text
    kept = ""
    for one in text:
        if width(kept + one) > columns - 1:
            break
        kept += one
    return kept + "…"


def aligned(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[Sequence[str]] | None,
    *,
    width: int,
) -> Iterator[str]:
    """Yields the lines of a table; where it is too wide, its last column is cut."""
    widths = [max(map(_width, column)) for column in zip(titles, *rows, strict=True)]
    left = width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
    widths[-1] = min(widths[-1], max(left, _NARROWEST))
    heading = _GAP.join(_padded(title, size) for title, size in zip(titles, widths, strict=True)).rstrip()
    yield painted(heading, BOLD) if styles else heading
    for number, row in enumerate(rows):
        cells = [_padded(cut(text, size), size) for text, size in zip(row, widths, strict=True)]
        if styles:
            cells = [painted(text, style) for text, style in zip(cells, styles[number], strict=True)]
        yield _GAP.join(cells).rstrip()


_width = width


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))
