"""How a service process starts, stops and fails: seen from outside, by signal and exit code."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LIBS = Path(__file__).parents[3] / "libs"

PROLOGUE = """
import asyncio, os, signal, sys, time
from onward.contract.errors import Misconfigured
from onward.process.run import run
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests under `nohup` hands it down
def say(word):
    print(word, flush=True)
"""


@contextlib.contextmanager
def service(body: str, **env: str):
    """Runs a program whose `main` says "up" when it waits for what the test does to it."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROLOGUE + body],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(LIBS), **env},
    )
    try:
        yield program
    finally:
        program.kill()
        program.communicate()


def said(program, word: str) -> None:
    assert program.stdout.readline() == f"{word}\n"


def end(program) -> tuple[int, str, str]:
    out, err = program.communicate(timeout=20)
    return program.returncode, out, err


WAITS = """
async def main(stop):
    say("up")
    await stop.wait()
    say(f"stopping because of {stop.reason}")
run(main)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("uvloop", [True, False])
def test_a_signal_asks_for_an_orderly_end(number, uvloop):
    hide = "" if uvloop else "sys.modules['uvloop'] = None\n"
    with service(hide + WAITS) as program:
        said(program, "up")
        program.send_signal(number)
        assert end(program) == (0, f"stopping because of {number.name}\n", "")


def test_nohup_is_respected():
    ignore = "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    with service(ignore + WAITS) as program:
        said(program, "up")
        program.send_signal(signal.SIGHUP)
        program.send_signal(signal.SIGTERM)
        assert end(program) == (0, "stopping because of SIGTERM\n", "")


def test_a_second_signal_ends_at_once():
    body = """
async def main(stop):
    say("up")
    await stop.wait()
    say("first")
    await asyncio.Event().wait()
run(main)
"""
    with service(body) as program:
        said(program, "up")
        program.terminate()
        said(program, "first")
        program.terminate()
        assert end(program)[0] == 130


def test_a_second_signal_is_heard_even_when_the_loop_is_blocked():
    body = """
async def main(stop):
    say("up")
    while not stop.requested:
        time.sleep(0.01)
    say("first")
    time.sleep(600)
run(main)
"""
    with service(body) as program:
        said(program, "up")
        program.terminate()
        said(program, "first")
        program.terminate()
        assert end(program)[0] == 130


def test_after_the_grace_the_work_is_cancelled_and_the_code_says_so():
    body = """
async def main(stop):
    say("up")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        say("cancelled")
        raise
run(main, grace_seconds=0.05)
"""
    with service(body) as program:
        said(program, "up")
        program.terminate()
        code, out, err = end(program)
        assert (code, out) == (1, "cancelled\n")
        assert "took longer than" in err


def test_a_process_that_cannot_stop_is_ended_with_its_stacks_shown():
    body = """
import onward.process.run as rules
rules._CANCEL_SECONDS = 0.1
async def main(stop):
    say("up")
    time.sleep(600)
run(main, grace_seconds=0.1)
"""
    with service(body) as program:
        said(program, "up")
        program.terminate()
        code, _, err = end(program)
        assert code == 1
        assert "time.sleep" in err or "in main" in err


@pytest.mark.parametrize(
    "body, told",
    [
        ("async def main(stop): pass\nrun(main)", "ended without being asked to"),
        ("async def main(stop): 1 / 0\nrun(main)", "ZeroDivisionError"),
        ("async def main(stop): stop.fail('the bus closed for good')\nrun(main)", "the bus closed for good"),
    ],
)
def test_an_end_that_nobody_asked_for_is_a_failure(body, told):
    with service(body) as program:
        code, _, err = end(program)
        assert code == 1
        assert told in err


def test_a_wrong_setting_has_a_code_of_its_own_and_shows_its_fix():
    body = "async def main(stop): raise Misconfigured('no url', fix='set ONWARD_URL')\nrun(main)"
    with service(body) as program:
        assert end(program) == (78, "", "misconfigured: no url\nfix: set ONWARD_URL\n")


def test_a_process_whose_supervisor_is_gone_stops():
    with service(WAITS, ONWARD_PARENT_PID="1") as program:
        said(program, "up")
        assert end(program)[:2] == (0, "stopping because of the supervisor has ended\n")


def test_a_process_that_hangs_without_its_supervisor_is_ended():
    body = """
import onward.process.parent as rules
rules.ORPHAN_SECONDS = 0.1
async def main(stop):
    say("up")
    time.sleep(600)
run(main)
"""
    with service(body, ONWARD_PARENT_PID="1") as program:
        said(program, "up")
        assert end(program)[0] == 1


def test_programs_started_by_a_service_do_not_inherit_its_supervisor():
    body = """
async def main(stop):
    say(os.environ.get("ONWARD_PARENT_PID", "nobody"))
    stop.request("done")
run(main)
"""
    with service(body, ONWARD_PARENT_PID=str(os.getpid())) as program:
        assert end(program) == (0, "nobody\n", "")
