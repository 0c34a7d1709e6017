"""`python -m onward_gateway.openapi` prints docs/openapi.json; `--write` writes it, `--check` holds it to the code."""

import sys
from pathlib import Path

import msgspec

from onward_gateway.app import ROUTES
from onward_gateway.document import document

PATH = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def text() -> str:
    """The page, as the code of this moment makes it."""
    return msgspec.json.format(msgspec.json.encode(document(ROUTES)), indent=2).decode() + "\n"


def main(arguments: list[str]) -> int:
    """Prints, writes or checks the page; 1 where it differs."""
    if arguments == ["--write"]:
        PATH.parent.mkdir(parents=True, exist_ok=True)
        PATH.write_text(text(), encoding="utf-8")
    elif arguments == ["--check"]:
        if not PATH.exists() or PATH.read_text(encoding="utf-8") != text():
            sys.stderr.write(f"{PATH} differs from the code: run python -m onward_gateway.openapi --write\n")
            return 1
    elif arguments:
        sys.stderr.write("python -m onward_gateway.openapi [--write | --check]\n")
        return 2
    else:
        sys.stdout.write(text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
