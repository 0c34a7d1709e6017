"""A child's life ends with its parent's, whatever ends the parent."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onward.contract.errors import Misconfigured
from onward.process.identity import identify
from onward.process.spawn import ended, spawn

LIBS = Path(__file__).parents[3] / "libs"

PARENT = """
import os, subprocess, sys, time
from onward.process.spawn import spawn
child = spawn(["sleep", "600"], env=dict(os.environ), out=subprocess.DEVNULL, by_pipe=sys.argv[1] == "pipe")
while "sleep" not in open(f"/proc/{child.pid}/comm").read():
    time.sleep(0.01)
print(child.pid, flush=True)
time.sleep(600)
"""


def gone(known, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while known is not None and known.alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("by", ["kernel", "pipe"])
def test_a_killed_parent_takes_its_child_along(by):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, by],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(LIBS)},
    )
    with parent:
        child = identify(int(parent.stdout.readline()))
        assert child.alive()

        parent.kill()
        parent.wait()

        assert gone(child)


async def test_what_watches_a_child_holds_nothing_that_was_given_to_the_child():
    read, write = os.pipe()
    process = spawn(["true"], env={}, out=subprocess.DEVNULL, by_pipe=True, keep=[write])
    assert await ended(process) == 0
    os.close(write)
    # The end of file arrives when nobody holds the other end any more; the watcher itself lives a second longer.
    assert select.select([read], [], [], 0.5)[0]
    os.close(read)


async def test_the_exit_code_is_the_programs_own():
    process = spawn(["sh", "-c", "exit 7"], env=dict(os.environ), out=subprocess.DEVNULL)
    assert await ended(process) == 7


async def test_a_program_that_does_not_exist_says_so(tmp_path):
    with (tmp_path / "out").open("w") as out:
        process = spawn(["/no/such/program"], env={}, out=out.fileno())
    assert await ended(process) == 126
    assert "cannot run /no/such/program" in (tmp_path / "out").read_text()


async def test_what_a_child_left_in_its_group_is_killed_when_it_ends(tmp_path):
    script = "sleep 600 & echo $! > pid; exit 3"
    process = spawn(["sh", "-c", script], env=dict(os.environ), out=subprocess.DEVNULL, cwd=tmp_path)
    assert await ended(process) == 3
    assert gone(identify(int((tmp_path / "pid").read_text())))


async def test_a_cancelled_wait_leaves_the_child_to_the_next_one():
    process = spawn(["cat"], env=dict(os.environ), out=subprocess.DEVNULL, stdin=subprocess.PIPE)
    with contextlib.suppress(TimeoutError):
        import asyncio

        async with asyncio.timeout(0.05):
            await ended(process)
    assert identify(process.pid).alive()
    process.send_signal(signal.SIGKILL)
    process.stdin.close()
    assert await ended(process) == -signal.SIGKILL


def test_a_side_thread_may_not_start_children():
    import threading

    caught = []

    def start() -> None:
        try:
            spawn(["true"], env={}, out=subprocess.DEVNULL)
        except Misconfigured as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "side thread" in str(caught[0])
