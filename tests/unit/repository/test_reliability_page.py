"""The page of what may be counted on names tests that are there."""

from pathlib import Path

import pytest

from tooling import reliability_page
from tooling.steps import ROOT

TESTS = ROOT / "tests"


def test_every_test_that_the_page_names_is_there() -> None:
    assert reliability_page.missing(reliability_page.places(TESTS)) == []


def test_a_test_that_is_gone_is_named_and_no_page_is_made() -> None:
    found = reliability_page.places(TESTS)
    gone = "test_ten_thousand_days_break_no_promise"
    without = {name: path for name, path in found.items() if name != gone}

    assert reliability_page.missing(without) == [gone]
    with pytest.raises(LookupError, match=gone):
        reliability_page.page(without)


def test_every_invariant_and_planted_fault_has_its_row() -> None:
    said = (Path(ROOT) / "docs" / "reliability.md").read_text()

    assert [n for n in reliability_page.INVARIANTS if f"| I{n} |" not in said] == []
    assert sorted(reliability_page.PLANTED) == list(range(1, 13))
