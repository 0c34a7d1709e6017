"""The SQL of this service: every statement has a name, a line of why, and stands in a .sql file."""

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load(file: str) -> dict[str, str]:
    """The statements of one file in sql/, by name."""
    _, *parts = _NAME.split((files(__package__) / "sql" / file).read_text(encoding="utf-8"))
    return dict(zip(parts[::2], (text.strip().rstrip(";") for text in parts[1::2]), strict=True))


def all_files() -> list[str]:
    """The names of the files in sql/."""
    return sorted(
        entry.name for entry in (files(__package__) / "sql").iterdir() if entry.name.endswith(".sql")
    )
