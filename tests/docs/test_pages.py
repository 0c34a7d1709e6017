"""The Python on the pages of docs/ runs: a block marked `python run` is code, one marked `python fragment` is not."""

from pathlib import Path

import pytest

from tests.support import page_code

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {str(path.relative_to(DOCS)): path.read_text() for path in sorted(DOCS.rglob("*.md"))}

TWO_FILES = """
Text.
```python run
# orders.py
PRICE = 5
```
1. A list:
   ```python run
   # test_orders.py
   from orders import PRICE
   def test_price():
       assert PRICE == {price}
   ```
```python fragment
this is not Python
```
"""


@pytest.mark.parametrize("page", [name for name, text in PAGES.items() if page_code.files(text)])
def test_the_code_on_this_page_runs(page: str, tmp_path: Path) -> None:
    failure = page_code.run(PAGES[page], tmp_path)
    assert not failure, f"docs/{page}:\n{failure}"


@pytest.mark.parametrize("page", [name for name, text in PAGES.items() if page_code.blocks(text)])
def test_each_block_of_python_says_whether_it_runs(page: str) -> None:
    unmarked = [b.first_line - 1 for b in page_code.blocks(PAGES[page]) if b.mark not in page_code.MARKS]
    assert unmarked == [], f"docs/{page}: mark these lines as ```python run, or as ```python fragment"


def test_blocks_become_the_files_they_name_and_keep_the_line_numbers_of_the_page() -> None:
    made = page_code.files(TWO_FILES)
    assert sorted(made) == ["orders.py", "test_orders.py"]
    assert made["orders.py"].splitlines()[4] == TWO_FILES.splitlines()[4] == "PRICE = 5"
    assert made["test_orders.py"].splitlines()[8] == "# test_orders.py"


def test_a_page_whose_test_holds_passes_and_one_whose_test_does_not_says_so(tmp_path: Path) -> None:
    assert page_code.run(TWO_FILES.format(price=5), tmp_path) == ""
    assert "assert 5 == 6" in page_code.run(TWO_FILES.format(price=6), tmp_path)


def test_code_without_a_file_name_is_run_as_the_page(tmp_path: Path) -> None:
    assert "ZeroDivisionError" in page_code.run("```python run\n1 / 0\n```\n", tmp_path)
