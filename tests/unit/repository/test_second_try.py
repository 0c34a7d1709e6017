"""What failed among others gets one more try, alone, and is named."""

import subprocess
import sys

import pytest

from tooling import second_try

STEADY = "def test_steady():\n    pass\n"
BROKEN = "def test_broken():\n    assert False\n"
ONCE = """
from pathlib import Path

def test_shaken():
    seen = Path(__file__).with_suffix(".seen")
    was_there = seen.exists()
    seen.touch()
    assert was_there
"""


@pytest.fixture
def tried(tmp_path):
    def run(*bodies: str):
        for number, body in enumerate(bodies):
            (tmp_path / f"test_{number}.py").write_text(body)

        def pytest_in_there(*arguments):
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:xdist",
                "--rootdir",
                str(tmp_path),
                *arguments,
            ]
            return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

        return second_try.run(pytest_in_there, ["."])

    return run


def test_what_passes_alone_is_no_failure_and_is_named(tried):
    assert tried(STEADY, ONCE) == (0, ["test_1.py::test_shaken"])


def test_what_fails_alone_is_a_failure(tried):
    assert tried(STEADY, BROKEN) == (1, [])


def test_of_two_that_failed_the_one_that_is_unsteady_is_named(tried):
    assert tried(ONCE, BROKEN) == (1, ["test_0.py::test_shaken"])


def test_where_many_fail_none_is_tried_again(tried):
    assert tried(*[ONCE] * (second_try.MOST + 1)) == (1, [])


def test_a_file_that_cannot_be_read_is_not_tried_again(tried):
    assert tried("import nothing_of_this_name\n", STEADY) == (2, [])


def test_where_all_pass_nothing_is_tried_again(tried):
    assert tried(STEADY) == (0, [])
