"""How the command lines on the pages of docs/ are found and run; tests/journeys runs them on a platform."""

from pathlib import Path

import pytest

from tests.support import page_commands

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {str(path.relative_to(DOCS)): path.read_text() for path in sorted(DOCS.rglob("*.md"))}

PAGE = """
```python run
# words.py
print("one two three")
```
```sh platform
onward up --tasks words --workers 2 --tasks others
```
```sh run
number=4
python3 words.py
```
1. Later, in the same shell:
   ```sh run
   echo number $number
   ```
   ```text shows
   number {number}
   ```
"""


@pytest.mark.parametrize("page", [name for name, text in PAGES.items() if page_commands.blocks(text)])
def test_each_block_of_commands_says_whether_it_runs(page: str) -> None:
    blocks = page_commands.blocks(PAGES[page])
    unmarked = [
        block.first_line - 1 for block in blocks if (block.kind, block.mark) not in page_commands.MARKS
    ]
    assert unmarked == [], (
        f"docs/{page}: mark these lines as ```sh run, platform or fragment, or ```text shows"
    )


def test_the_commands_of_a_page_run_in_one_shell_beside_its_code(tmp_path: Path) -> None:
    assert page_commands.run(PAGE.format(number=4), tmp_path, {}) == ""


def test_a_page_that_shows_what_does_not_come_out_is_told_its_line(tmp_path: Path) -> None:
    wrong = page_commands.run(PAGE.format(number=5), tmp_path, {})
    assert wrong.startswith("line 18: this is not what comes out")
    assert "number 4" in wrong


def test_a_command_that_fails_ends_its_page(tmp_path: Path) -> None:
    wrong = page_commands.run(PAGE.replace("number=4", "ls nowhere"), tmp_path, {})
    assert wrong.startswith("line 10: exit code ")
    assert "number" not in wrong


def test_the_platform_of_all_pages_offers_what_each_has_it_offer() -> None:
    assert page_commands.modules(PAGE) == ["words", "others"]
