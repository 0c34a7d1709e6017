import os
import subprocess
import sys

import pytest

from tooling import environment, installers
from tooling.steps import ROOT, StepFailed


def test_a_venv_made_by_hand_is_one_to_its_interpreter(tmp_path):
    environment.make_venv_by_hand(tmp_path / "v", installers.base_python())
    python = str(tmp_path / "v" / "bin" / "python")
    question = "import sys, sysconfig; print(sys.prefix, sys.prefix != sys.base_prefix, sysconfig.get_path('purelib'))"
    answer = subprocess.check_output([python, "-c", question], text=True).split()
    assert answer[:2] == [str(tmp_path / "v"), "True"]
    assert os.path.isdir(answer[2])  # noqa: PTH112
    assert answer[2].startswith(str(tmp_path))


def test_a_venv_made_by_hand_sees_no_package_of_its_interpreter(tmp_path):
    environment.make_venv_by_hand(tmp_path / "v", installers.base_python())
    command = [str(tmp_path / "v" / "bin" / "python"), "-c", "import pip"]
    assert b"No module named 'pip'" in subprocess.run(command, stderr=subprocess.PIPE).stderr


def test_where_nothing_can_install_the_message_says_cause_and_fix(monkeypatch):
    for name in list(vars(installers)):
        if name.startswith(("_own_pip", "_pip_")):
            monkeypatch.setattr(installers, name, lambda: None)
    with pytest.raises(StepFailed, match=r"(?s)Cause: .*Fix: "):
        installers.find_pip()


def test_dev_py_starts_without_site_packages_and_explains_its_commands():
    shown = subprocess.check_output([sys.executable, "-I", "-S", str(ROOT / "dev.py"), "--help"], text=True)
    assert all(command in shown for command in ("install", "demo", "test", "check", "lock"))


def test_arguments_after_two_dashes_are_for_pytest_only():
    command = [sys.executable, str(ROOT / "dev.py"), "check", "--", "-x"]
    refused = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    assert refused.returncode == 2
    assert "are for pytest" in refused.stderr
