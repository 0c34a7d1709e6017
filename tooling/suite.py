"""Runs the tests by tier: --fast in two minutes, the default in seventeen, --all in ninety, on two cores."""

import os
import subprocess
import sys
import time

from tooling import browser, checks, second_try
from tooling.steps import PYTHON, ROOT, clean_environment

TIERS = {
    "fast": "not live and not journey and not slow",
    "default": "not slow",
    "all": "",
}
NO_TESTS_COLLECTED = 5
HOSTILE = {"ONWARD_HOSTILE": "1", "ONWARD_BATCH": "1", "ONWARD_READERS": "2", "ONWARD_ACK_WAIT": "1"}
"""Whatever a test starts has these settings; see tests/support/hostile.py."""


JOURNEYS, PAGES = "tests/journeys", "tests/browser"
"""Two at a time and nothing else beside them: they hold the platform to times that a busy machine would miss.

The browser's driver keeps an event loop running in its process, so no other test can be in there.
"""


def run(*, tier: str, pytest_arguments: list[str]) -> int:
    """Checks (but for --fast), then runs pytest, and returns 0 only if all passed. Given arguments mean one run."""
    checked = 0 if tier == "fast" else checks.run_all()
    if tier != "fast":
        browser.ensure()
    started = time.monotonic()
    marks = ["-m", TIERS[tier]] if TIERS[tier] else []
    print(f"pytest, tier {tier}{': ' + TIERS[tier] if marks else ''}", flush=True)
    tested, unsteady = [], []
    for part in _parts(tier, pytest_arguments):
        code, shaken = (
            (_pytest(*marks, *part), []) if pytest_arguments else second_try.run(_pytest, [*marks, *part])
        )
        tested.append(code)
        unsteady += shaken
    took = f"{time.monotonic() - started:.0f} s"
    worst = max(tested)
    for name in unsteady:
        print(f"UNSTEADY: {name} failed among the others and passed alone: find its race, see above")
    print(f"test: check {_said(checked, tier)}, pytest {'passed' if worst == 0 else _why(worst)} in {took}")
    sys.stdout.flush()
    return 1 if checked or worst else 0


def hostile(*, tier: str, pytest_arguments: list[str]) -> int:
    """Runs the journeys, or what the arguments name, with the settings of tests/support/hostile.py."""
    os.environ.update(HOSTILE)
    return run(tier=tier, pytest_arguments=pytest_arguments or ["-n", "2", "--dist", "loadfile", JOURNEYS])


def _parts(tier: str, given: list[str]) -> list[list[str]]:
    if given:
        return [given]
    # Most tests wait for servers of their own: twice as many at a time as there are cores, a file in one process.
    at_once = str(min(8, 2 * (os.cpu_count() or 1)))
    side_by_side = ["-n", at_once, "--dist", "loadfile", "-q"]
    apart = [*side_by_side, f"--ignore={JOURNEYS}", f"--ignore={PAGES}"]
    return (
        [apart]
        if tier == "fast"
        else [apart, *(["-n", "2", "--dist", "loadfile", at] for at in (JOURNEYS, PAGES))]
    )


def _pytest(*arguments: str) -> int:
    command = [str(PYTHON), "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env=clean_environment(), check=False).returncode


def _said(checked: int, tier: str) -> str:
    if tier == "fast":
        return "NOT RUN (--fast)"
    return "failed" if checked else "passed"


def _why(code: int) -> str:
    return "found no test" if code == NO_TESTS_COLLECTED else f"failed (exit code {code})"
