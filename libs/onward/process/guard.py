"""The first program of a supervised child: ties its life to the parent's, drops rights, becomes the program.

Run by path as `python -I -S guard.py PARENT SIGNAL OWNER PIPE program arguments…`, importing nothing of ours.
A process of its own, and no `preexec_fn`, because Python code between fork and exec is unsafe beside threads.
"""

import ctypes
import os
import select
import signal
import sys

PR_SET_PDEATHSIG = 1
CANNOT_RUN = 126


def become(parent: int, death: int, owner: str, pipe: str, program: list[str]) -> None:
    """Replaces this process by the program, which gets the signal as soon as the parent is gone."""
    if owner != "-":
        drop_rights(owner)
    # Asked last: a change of user makes the kernel forget it.
    if pipe == "-":
        notify_by_kernel(death)
    else:
        notify_by_pipe(int(pipe), death)
    if os.getppid() != parent:
        sys.exit(f"{program[0]} is not started: its supervisor {parent} has ended")
    # No search on PATH here: it would import, and Python's own folder may be closed to the owner.
    os.execv(program[0], program)  # noqa: S606 -- becoming the program, without a shell, is the purpose


def drop_rights(owner: str) -> None:
    """Gives up root for a user and a group, for good."""
    user, group = (int(part) for part in owner.split(":"))
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def notify_by_kernel(death: int) -> None:
    """Asks Linux to send the signal when the thread that started this process ends."""
    if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death, 0, 0, 0) != 0:
        raise OSError("prctl(PR_SET_PDEATHSIG) was refused")


def notify_by_pipe(pipe: int, death: int) -> None:
    """Leaves a small process behind that sends the signal once nobody holds the pipe's other end."""
    program = os.getpid()
    if os.fork() != 0:
        os.close(pipe)
        return
    # It must hold nothing of the program's, above all no lock that is meant to end with it.
    os.setsid()
    os.closerange(0, pipe)
    os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX"))
    while os.getppid() == program:
        if select.select([pipe], [], [], 1.0)[0]:
            # A killed program can end nothing that it has started itself.
            (os.killpg if death == signal.SIGKILL else os.kill)(program, death)
            break
    os._exit(0)


if __name__ == "__main__":
    # Ctrl-C in the 10 ms before exec ends quietly, as it would afterwards.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:])
    except OSError as error:
        sys.stderr.write(f"cannot run {sys.argv[5]}: {error}\n")
        sys.exit(CANNOT_RUN)
