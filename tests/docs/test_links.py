"""Links between the pages lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def heading_links(page: Path) -> set[str]:
    """What the headings of a page are called in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_on_this_page_leads_to_something(page: Path) -> None:
    dead = []
    for link in LINK.findall(page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" not in link and not (
            target.exists() and (not anchor or target.suffix != ".md" or anchor in heading_links(target))
        ):
            dead.append(link)
    assert dead == []


def test_the_index_leads_to_every_page_or_to_the_index_of_its_folder() -> None:
    linked = {
        (DOCS / link.partition("#")[0]).resolve() for link in LINK.findall((DOCS / "README.md").read_text())
    }
    indexes = {page.parent for page in linked if page.name == "README.md"}
    forgotten = [
        str(page.relative_to(DOCS)) for page in sorted(DOCS.rglob("*.md"))
        if page not in linked and page.parent not in indexes and page != DOCS / "README.md"
    ]  # fmt: skip
    assert forgotten == [], "say in docs/README.md for whom these pages are"
