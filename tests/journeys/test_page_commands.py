"""The command lines on the pages of docs/, as they stand there, on one platform that offers the tasks of all pages."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import page_code, page_commands
from tests.support.ports import free_port

DOCS = Path(__file__).resolve().parents[2] / "docs"
BIN = Path(sys.executable).parent
TEXTS = {str(path.relative_to(DOCS)): path.read_text() for path in sorted(DOCS.rglob("*.md"))}
PAGES = {name: text for name, text in TEXTS.items() if page_commands.runs(text)}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Of a shell in which `onward up` was called, as the pages say, and which finds the same tasks and data."""
    home, code = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("code")
    for text in PAGES.values():
        for name in page_commands.modules(text):
            (code / f"{name}.py").write_text(page_code.files(text)[f"{name}.py"])
    variables = {
        "ONWARD_HOME": str(home),
        "ONWARD_PROFILE": str(home / "profile.json"),
        "PYTHONPATH": str(code),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    offered = [name for text in PAGES.values() for name in page_commands.modules(text)]
    tasks = [word for name in offered for word in ("--tasks", name)]
    up = _onward(["up", *tasks, "--port", str(free_port()), "--detach", "-o", "json"], variables)
    assert up.returncode == 0, up.stdout
    try:
        profile = json.loads((home / "profile.json").read_text())
        yield {**variables, "ONWARD_URL": profile["url"], "ONWARD_API_KEY": profile["api_key"]}
    finally:
        down = _onward(["down"], variables)
        assert down.returncode == 0, down.stdout


def _onward(words: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "onward"), *words], env={**os.environ, **variables}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_no_two_pages_offer_tasks_from_modules_of_one_name() -> None:
    offered = [name for text in PAGES.values() for name in page_commands.modules(text)]
    assert sorted(offered) == sorted(set(offered))


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_on_this_page_work(page: str, environment: dict[str, str], tmp_path: Path) -> None:
    failure = page_commands.run(PAGES[page], tmp_path, environment)
    assert not failure, f"docs/{page}, {failure}"
