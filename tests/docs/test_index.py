"""The index for programs names every page; its making is held to the pages by the check."""

import re
from pathlib import Path

from tooling import llms

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_seed_documentation_index_names_every_page_and_what_it_says() -> None:
    named = re.findall(r"^- \[(.+)\]\((.+?)\)", (DOCS / "llms.txt").read_text(), re.MULTILINE)

    assert {path for _, path in named} == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert all(title for title, _ in named)


def test_a_long_opening_is_cut_at_the_end_of_a_sentence() -> None:
    title, text = llms.opening("# Title\n\nFirst sentence. " + "word " * 60 + "\n\n## Next\n")

    assert (title, text) == ("Title", "First sentence.")
