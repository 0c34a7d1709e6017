"""Runs the tests by tier: --fast in two minutes, the default in twelve, --all in ninety, on two cores."""

import subprocess
import sys
import time

from tooling import checks
from tooling.steps import PYTHON, ROOT, clean_environment

TIERS = {
    "fast": "not live and not journey and not slow",
    "default": "not slow",
    "all": "",
}
NO_TESTS_COLLECTED = 5


def run(*, tier: str, pytest_arguments: list[str]) -> int:
    """Checks (but for --fast), then runs pytest, and returns 0 only if both passed."""
    checked = 0 if tier == "fast" else checks.run_all()
    started = time.monotonic()
    marks = ["-m", TIERS[tier]] if TIERS[tier] else []
    print(f"pytest, tier {tier}{': ' + TIERS[tier] if marks else ''}", flush=True)
    command = [str(PYTHON), "-m", "pytest", *marks, *pytest_arguments]
    tested = subprocess.run(command, cwd=ROOT, env=clean_environment(), check=False).returncode
    took = f"{time.monotonic() - started:.0f} s"
    print(f"test: check {_said(checked, tier)}, pytest {'passed' if tested == 0 else _why(tested)} in {took}")
    sys.stdout.flush()
    return 1 if checked or tested else 0


def _said(checked: int, tier: str) -> str:
    if tier == "fast":
        return "NOT RUN (--fast)"
    return "failed" if checked else "passed"


def _why(code: int) -> str:
    return "found no test" if code == NO_TESTS_COLLECTED else f"failed (exit code {code})"
