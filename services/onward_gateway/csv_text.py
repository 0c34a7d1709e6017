"""A list of JSON objects as CSV for spreadsheets: one line each, members of members as `outer_inner`."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from onward.http.answer import Answer, text_answer

MEDIA_TYPE = "text/csv; charset=utf-8"
_SKIPPED = "figures"
"""A name that says nothing in a heading."""
_FORMULA = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_answer(items: Iterable[dict[str, Any]]) -> Answer:
    """The answer that holds them."""
    return text_answer(csv_text(items), MEDIA_TYPE)


def csv_text(items: Iterable[dict[str, Any]]) -> str:
    """A heading, and a line for each."""
    lines = [dict(_flat(item)) for item in items]
    heading = list(dict.fromkeys(name for line in lines for name in line))
    out = io.StringIO()
    writer = csv.DictWriter(out, heading, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def csv_line(values: Iterable[Any]) -> str:
    """One line; what is neither a text nor a number is JSON."""
    out = io.StringIO()
    told = (each if each is None or isinstance(each, str | int | float) else _json(each) for each in values)
    csv.writer(out, lineterminator="\n").writerow(map(_harmless, told))
    return out.getvalue()


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _flat(item: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in item.items():
        told = before if name == _SKIPPED else f"{before}{name}"
        if isinstance(value, dict):
            yield from _flat(value, f"{told}_" if told and name != _SKIPPED else told)
        elif isinstance(value, list):
            yield told, _harmless(" ".join(map(str, value)))
        else:
            yield told, _harmless(value)


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    # A spreadsheet would run a text that begins like a formula; and a bare CR, which csv does not quote, begins a row.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA) else text
