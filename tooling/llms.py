"""Prints docs/llms.txt: every page of the documentation with what it says, for programs that read."""

import re
from itertools import groupby
from pathlib import Path

from tooling.steps import ROOT

DOCS = ROOT / "docs"
INTRODUCTION = """\
# Onward

> Durable executions: tasks in plain Python that survive crashes, resume on another worker where they stopped, stream
> their logs live, retry, ask people, and remember everything. NATS JetStream decides, Postgres remembers.

Paths are relative to this file. Machine-readable: openapi.json (REST), asyncapi.yaml (events over NATS).
"""
_OPENING = re.compile(r"^# (?P<title>.+?)\n+(?P<text>(?:(?!#|\||```|- |\d\. )[^\n]+\n)*)", re.MULTILINE)
_MOST = 240


def index(docs: Path) -> str:
    """Returns the index: one line for each page, by folder, the pages of the top first."""
    pages = sorted(docs.rglob("*.md"), key=lambda path: (str(path.parent.relative_to(docs)), path.name))
    sections = [
        f"## {folder.name if folder != docs else 'Pages'}\n\n" + "".join(_line(docs, path) for path in some)
        for folder, some in groupby(pages, key=lambda path: path.parent)
    ]
    return "\n".join([INTRODUCTION, *sections])


def _line(docs: Path, path: Path) -> str:
    title, text = opening(path.read_text())
    says = f": {text}" if text else ""
    return f"- [{title}]({path.relative_to(docs)}){says}\n"


def opening(page: str) -> tuple[str, str]:
    """Returns the title of a page and its first paragraph, cut at the end of a sentence where it is long."""
    found = _OPENING.search(page)
    if found is None:
        return "", ""
    text = " ".join(found["text"].split())
    if len(text) > _MOST:
        cut = text[:_MOST]
        text = cut[: cut.rindex(". ") + 1] if ". " in cut else cut.rsplit(" ", 1)[0] + " …"
    return found["title"], text


if __name__ == "__main__":
    print(index(DOCS), end="")
