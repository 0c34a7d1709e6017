"""A service that lacks a setting, or has a wrong one, says so in a line, says what to do, and ends with 78."""

import os
import subprocess
import sys

import pytest

from tooling.steps import ROOT

SERVICES = ("onward_gateway", "onward_execution_state", "onward_log_relay", "onward_worker")
NEEDED = {"ONWARD_NATS_URL": "nats://127.0.0.1:1", "ONWARD_DATABASE_URL": "postgresql://127.0.0.1:1/x"}
EX_CONFIG = 78
CASES = {
    "missing and wrong": (
        {"ONWARD_PORT": "eighty"},
        [
            "ONWARD_NATS_URL is not set, and has no default. Fix: set ONWARD_NATS_URL",
            "ONWARD_PORT is 'eighty'. Fix: ",
        ],
    ),
    "wrong level": (
        {**NEEDED, "ONWARD_LOG_LEVEL": "loud", "ONWARD_PORT": "0"},
        ["ONWARD_LOG_LEVEL is 'LOUD'", "fix: set it to one of DEBUG, "],
    ),
}


@pytest.fixture(scope="module")
def told():
    """What each service says in each case, and its exit code; all at once, for starting one takes a while."""
    path = os.pathsep.join(str(ROOT / source) for source in ("libs", "services"))
    running = {
        (service, case): subprocess.Popen(
            [sys.executable, "-m", service],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for service in SERVICES
        for case, (env, _) in CASES.items()
    }
    try:
        yield {
            key: (*process.communicate(timeout=60), process.returncode) for key, process in running.items()
        }
    finally:
        for process in running.values():
            process.kill()
            process.communicate()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("service", SERVICES)
def test_a_wrong_setting_is_named_with_its_fix_and_ends_the_service(told, service, case):
    out, err, code = told[service, case]

    assert (code, out) == (EX_CONFIG, "")
    assert err.startswith("misconfigured: ")
    assert "Traceback" not in err
    for line in CASES[case][1]:
        assert line in err
    # A line for each, and one more where Postgres is needed too.
    assert len(err.splitlines()) <= len(CASES[case][1]) + (service == "onward_execution_state")
