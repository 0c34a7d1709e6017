"""Figures go into the page that names them, and nowhere else."""

from pathlib import Path

import pytest

from bench.printed import put

PERFORMANCE = Path(__file__).resolve().parents[3] / "docs" / "performance.md"


@pytest.mark.parametrize("name", ["comparison", "workers", "stored", "memory", "readers"])
def test_new_figures_take_the_place_of_the_last_ones_and_leave_the_rest(tmp_path: Path, name: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(PERFORMANCE.read_text())
    before, rest = PERFORMANCE.read_text().split(f"<!-- {name} -->")
    after = rest.split(f"<!-- /{name} -->")[1]

    for figures in ("| 1 |", "| 2 |"):
        put(page, name, figures)

    text = page.read_text()
    assert text.startswith(before)
    assert text.endswith(after)
    assert "| 2 |" in text.removeprefix(before).removesuffix(after)
    assert "| 1 |" not in text.removeprefix(before).removesuffix(after)


def test_a_page_without_a_place_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")

    with pytest.raises(SystemExit, match="has no <!-- memory -->"):
        put(page, "memory", "| 1 |")

    assert page.read_text() == "nothing"
