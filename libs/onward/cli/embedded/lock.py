"""Locks that end with the processes that hold them, however those end."""

import asyncio
import errno
import fcntl
import os
import time
from pathlib import Path

_LOOK_SECONDS = 0.05


class Busy(Exception):
    """Somebody holds the lock; `pid` is who wrote itself down last."""

    def __init__(self, path: Path, pid: int | None) -> None:
        super().__init__(f"{path} is held by process {pid or 'unknown'}")
        self.pid = pid


def take(path: Path) -> int:
    """Takes a lock and returns its descriptor: it is free once all who inherited that have closed it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        written = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        os.close(descriptor)
        if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
            raise
        raise Busy(path, int(written) if written.isdigit() else None) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


async def take_within(path: Path, seconds: float) -> int:
    """Takes a lock that is about to become free. Raises Busy when it does not."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return take(path)
        except Busy:
            if time.monotonic() >= deadline:
                raise
        await asyncio.sleep(_LOOK_SECONDS)


def is_free(path: Path) -> bool:
    """Says whether nobody holds the lock now."""
    if not path.exists():
        return True
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
