"""A Markdown table, printed line by line as its figures come."""

from collections.abc import Iterable
from typing import Any


def table(heads: list[str], rows: Iterable[list[Any]]) -> None:
    """Prints it."""
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads), flush=True)
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
