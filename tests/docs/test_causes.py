"""The page of reasons names every reason that an explanation may hold, in the same words."""

from pathlib import Path

from onward.contract.explain import CODES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "why-is-it-waiting.md"


def test_the_page_of_reasons_names_every_reason_there_is() -> None:
    listed = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]

    assert listed == [f"| `{code}` | {meaning} |" for code, meaning in CODES.items()]
