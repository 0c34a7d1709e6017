import subprocess
import sys
import zipfile

import pytest

from tooling.rules import files
from tooling.steps import ROOT

PACKAGES = {"onward", "onward_gateway", "onward_execution_state", "onward_log_relay", "onward_worker"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names of the files in the wheel that a release would publish."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.check_call(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT
    )
    return set(zipfile.ZipFile(next(folder.glob("*.whl"))).namelist())


def test_the_wheel_holds_all_five_packages_and_nothing_else(wheel):
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == PACKAGES


def test_the_wheel_holds_every_file_of_its_packages(wheel):
    own = {path.relative_to(ROOT / root) for root in ("libs", "services") for path in files(ROOT / root)}
    assert {str(path) for path in own} - wheel == set()


def test_installed_code_is_typed_and_has_a_command(wheel):
    assert "onward/py.typed" in wheel
    assert any(name.endswith(".dist-info/entry_points.txt") for name in wheel)
