"""A list of JSON objects as CSV for spreadsheets: one line each, members of members as `outer_inner`."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from onward.http.answer import Answer, text_answer

_MEDIA_TYPE = "text/csv; charset=utf-8"
_SKIPPED = "figures"
"""A name that says nothing in a heading."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_answer(items: Iterable[dict[str, Any]]) -> Answer:
    """The answer that holds them."""
    return text_answer(csv_text(items), _MEDIA_TYPE)


def csv_text(items: Iterable[dict[str, Any]]) -> str:
    """A heading, and a line for each."""
    lines = [dict(_flat(item)) for item in items]
    heading = list(dict.fromkeys(name for line in lines for name in line))
    out = io.StringIO()
    writer = csv.DictWriter(out, heading, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _flat(item: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in item.items():
        told = before if name == _SKIPPED else f"{before}{name}"
        if isinstance(value, dict):
            yield from _flat(value, f"{told}_" if told and name != _SKIPPED else told)
        elif isinstance(value, list):
            yield told, " ".join(map(str, value))
        else:
            yield told, _harmless(value)


def _harmless(value: Any) -> Any:
    # A spreadsheet would run a text that begins like a formula.
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
