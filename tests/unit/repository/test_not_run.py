import os
import subprocess
import sys

import pytest

from tooling.steps import ROOT

TESTS = """
import pytest

def test_runs(): pass

@pytest.mark.skip(reason="no such device here")
def test_cannot_run(): pass

@pytest.mark.slow
def test_takes_long(): pass
"""


@pytest.fixture
def run(tmp_path):
    """A project of three tests under this repository's conftest: run it, with or without CI."""
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\nmarkers = ["slow: slow"]\n')
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    (tmp_path / "tests" / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "tests" / "unit" / "test_three.py").write_text(TESTS)

    def run(*arguments, ci):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow", *arguments]
        env = {**os.environ, "CI": ci}
        return subprocess.run(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True)

    return run


def test_what_was_skipped_or_deselected_is_listed_with_its_reason(run):
    done = run(ci="")
    assert done.returncode == 0
    assert "NOT RUN: 1 × deselected (slow); 1 × no such device here\n" in done.stdout
    assert "1 passed, 1 skipped, 1 deselected" in done.stdout.splitlines()[-1]


def test_the_list_is_the_same_when_several_processes_share_the_tests(run):
    done = run("-n", "2", ci="")
    assert done.returncode == 0
    assert "NOT RUN: 1 × deselected (slow); 1 × no such device here\n" in done.stdout


def test_on_ci_a_skip_is_a_failure(run):
    done = run(ci="true")
    assert done.returncode == 1
    assert "1 passed, 1 deselected, 1 error" in done.stdout.splitlines()[-1]
    assert "NOT RUN, which fails on CI" in done.stdout


def test_on_ci_a_module_that_skips_itself_is_a_failure(run, tmp_path):
    skipping = 'import pytest\npytest.skip("needs what is missing", allow_module_level=True)\n'
    (tmp_path / "tests" / "unit" / "test_module.py").write_text(skipping)
    assert run("tests/unit/test_module.py", ci="").returncode == 5
    done = run(ci="true")
    assert done.returncode != 0
    assert "needs what is missing" in done.stdout
