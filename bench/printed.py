"""Markdown tables: printed line by line as their figures come, and put into a page where it has a place for them."""

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PAGE = "docs/performance.md"


def asks_where(parser: argparse.ArgumentParser) -> None:
    """Adds the option that names a page."""
    parser.add_argument(
        "--into", type=Path, metavar="PAGE", help=f"put the tables into this page, too: {PAGE}"
    )


def table(heads: list[str], rows: Iterable[list[Any]]) -> str:
    """Prints it, and returns it."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    print("\n".join(lines), flush=True)
    for row in rows:
        lines.append("| " + " | ".join(map(str, row)) + " |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def put(page: Path | None, name: str, figures: str) -> None:
    """Writes them where the page says `<!-- name -->`, with the day; nothing where no page is given."""
    if page is None:
        return
    text = page.read_text()
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise SystemExit(f"{page} has no {begin} … {end}")
    day = time.strftime("%Y-%m-%d", time.gmtime())
    page.write_text(f"{before}{begin}\nMeasured on {day}.\n\n{figures}\n\n{end}{after}")


def _page(name: str) -> Path:
    page = Path(name)
    if not page.is_file():
        raise argparse.ArgumentTypeError(f"there is no {name}")
    return page
