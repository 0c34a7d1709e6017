"""Ports for the servers of tests: below those that the kernel gives to connections, and no other test's."""

import contextlib
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

_FIRST, _BLOCKS, _SIZE = 10_000, 90, 250
_LOCKS = Path(tempfile.gettempdir(), f"onward-test-ports-{os.getuid()}")


def _own_block() -> Iterator[int]:
    """A block of ports, in a circle; this process holds its lock until it ends, however it ends.

    A port that the kernel picks may be another test's before our server has come to listen on it.
    """
    _LOCKS.mkdir(exist_ok=True)
    for block in range(_BLOCKS):
        lock = os.open(_LOCKS / str(block), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        first = _FIRST + block * _SIZE
        return cycle(range(first, first + _SIZE))
    raise AssertionError(f"all {_BLOCKS} blocks of ports are taken: {_LOCKS}")


_ports: Iterator[int] = iter(())


def free_port() -> int:
    """A port that nobody listens on just now, and that no other test is given soon."""
    global _ports  # noqa: PLW0603 - the process's block, taken at the first need
    _ports = _ports if isinstance(_ports, cycle) else _own_block()
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("a circle has no end")
