"""Prints what was asked for: aligned for a person, with tabs into a pipe, exact as JSON or YAML."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from onward.cli import clean
from onward.cli.session import Session
from onward.cli.table import aligned

Json = dict[str, Any]


class Column(NamedTuple):
    """A heading, and how to get at the text below it; `style` colours it."""

    title: str
    text: Callable[[Json], str]
    style: Callable[[Json], str] | None = None


def records(session: Session, form: str, items: Iterable[Json], columns: Sequence[Column]) -> int:
    """Prints a list and returns how long it was."""
    counted = _Counted(items)
    if form == "table":
        _table(session, list(counted), columns)
    elif form == "json":
        _array(session, counted)
    else:
        for item in counted:
            session.print(compact(item) if form == "ndjson" else yaml([item]))
        if form == "yaml" and not counted.count:
            session.print("[]")
    return counted.count


def record(session: Session, form: str, item: Any, told: Callable[[], Iterable[str]]) -> None:
    """Prints one thing; `told` says it in lines for a person."""
    if form == "table":
        for line in told():
            session.print(line)
    elif form == "json":
        session.print(pretty(item))
    else:
        session.print(compact(item) if form == "ndjson" else yaml(item))


def streamed(session: Session, form: str, item: Json) -> None:
    """Prints one of many things as soon as it is there, each on a line (or as a document) of its own."""
    session.print(f"---\n{yaml(item)}" if form == "yaml" else compact(item))
    session.flush()


def compact(item: Any) -> str:
    """Returns JSON in one line."""
    return clean.escaped(json.dumps(item, ensure_ascii=False))


def pretty(item: Any) -> str:
    """Returns JSON for a screen."""
    return clean.escaped(json.dumps(item, ensure_ascii=False, indent=2))


def yaml(item: Any) -> str:
    """Returns YAML."""
    import yaml as library

    class Dumper(library.SafeDumper):
        """Quotes what a terminal would obey, so that it can be escaped."""

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar(
            "tag:yaml.org,2002:str", value, style='"' if clean.is_hidden(value) else None
        )

    Dumper.add_representer(str, text)
    told: str = library.dump(item, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
    return clean.escaped(told.removesuffix("\n").removesuffix("\n..."))


class _Counted:
    def __init__(self, items: Iterable[Json]) -> None:
        self._items = items
        self.count = 0

    def __iter__(self) -> Iterator[Json]:
        for item in self._items:
            self.count += 1
            yield item


def _table(session: Session, items: list[Json], columns: Sequence[Column]) -> None:
    if not items:
        return
    rows = [[clean.cell(column.text(item)) for column in columns] for item in items]
    titles = [column.title for column in columns]
    if not session.live:
        for row in [titles, *rows]:
            session.print("\t".join(row))
        return
    styles = [[column.style(item) if column.style else "" for column in columns] for item in items]
    for line in aligned(titles, rows, styles if session.coloured else None, width=session.width):
        session.print(line)


def _array(session: Session, items: Iterable[Json]) -> None:
    before = "["
    for item in items:
        session.write(before + "\n" + "\n".join("  " + line for line in pretty(item).split("\n")))
        before = ","
    session.print("\n]" if before == "," else "[]")
