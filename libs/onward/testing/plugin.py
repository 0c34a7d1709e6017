"""The pytest plugin: the fixture `lab`, the flag `--onward-live`, the mark `onward_virtual_clock`.

pytest loads this at every start: nothing else of Onward is imported before a test asks for it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from onward.tasks.registry import Registry
    from onward.testing.live import Where

MARK = "onward_virtual_clock"
START_SECONDS = 120


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag."""
    parser.getgroup("onward").addoption(
        "--onward-live", action="store_true", help="run tests that use `lab` against a real installation",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", f"{MARK}: moves time or kills workers, so --onward-live leaves it out")


class LabFactory:
    """`async with lab(registry) as here:` is a Lab, and with --onward-live one on a real installation."""

    def __init__(self, where: "Where | None") -> None:
        self._where = where

    @property
    def live(self) -> bool:
        """Whether the installation is a real one."""
        return self._where is not None

    def __call__(self, registry: "Registry", **options: Any) -> Any:
        """A Lab that is entered with `async with`; `options` are those of Lab."""
        if self._where is None:
            from onward.testing.lab import Lab  # noqa: PLC0415 - not before a test asks

            return Lab(registry, **options)
        from onward.testing.live import LiveLab  # noqa: PLC0415 - as above

        return LiveLab(registry, self._where, **options)


@pytest.fixture(scope="session")
def onward_installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Where | None"]:
    """That of ONWARD_URL and ONWARD_NATS_URL, or one that is started for the tests; None without the flag."""
    if not request.config.getoption("--onward-live"):
        yield None
        return
    from onward.testing.live import Where  # noqa: PLC0415 - as above

    if url := os.environ.get("ONWARD_URL"):
        nats_url = os.environ.get("ONWARD_NATS_URL")
        if not nats_url:
            raise pytest.UsageError("--onward-live with ONWARD_URL needs ONWARD_NATS_URL for the worker too")
        yield Where(url=url, api_key=os.environ.get("ONWARD_API_KEY"), nats_url=nats_url)
        return
    folder = tmp_path_factory.mktemp("onward")
    told = json.loads(_onward(folder, "up", "--detach", "--workers", "0", "-o", "json"))
    try:
        yield Where(url=told["url"], api_key=told["api_key"], nats_url=told["nats_url"])
    finally:
        _onward(folder, "down")


def _onward(folder: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "onward.cli", *command, "--data-dir", str(folder / "data")],
        env={**os.environ, "ONWARD_PROFILE": str(folder / "profile.json")}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=START_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"onward {' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


@pytest.fixture
def lab(request: pytest.FixtureRequest, onward_installation: "Where | None") -> LabFactory:
    """What makes the Labs of a test."""
    if onward_installation is not None and request.node.get_closest_marker(MARK):
        pytest.skip("needs the virtual clock")
    return LabFactory(onward_installation)
