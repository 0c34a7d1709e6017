import os
import subprocess
import sys

import msgspec

from onward.process.identity import identify


def test_a_process_is_itself_and_stays_so():
    me = identify(os.getpid())
    assert me is not None
    assert me.alive()
    assert identify(os.getpid()) == me


def test_another_process_with_the_same_pid_is_somebody_else():
    me = identify(os.getpid())
    assert not msgspec.structs.replace(me, started="some other day").alive()


def test_a_process_that_ended_is_not_alive_even_before_it_is_reaped():
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    known = identify(child.pid)
    alive = known.alive()

    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert alive
    assert not known.alive()
    child.wait()
    assert identify(child.pid) is None
