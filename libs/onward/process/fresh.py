"""Fresh identities, without a system call for each."""

import os
import threading
import time

from onward.contract import ids

_AT_ONCE = 4096


class _Pool(threading.local):
    """Bytes of the operating system's randomness, each handed out once; a pool for each thread."""

    def __init__(self) -> None:
        self._bytes, self._next = b"", 0

    def empty(self) -> None:
        """Forgets what is left."""
        self._bytes = b""

    def take(self, count: int) -> bytes:
        """So many of them."""
        end = self._next + count
        if end > len(self._bytes):
            self._bytes, self._next, end = os.urandom(_AT_ONCE), 0, count
        start, self._next = self._next, end
        return self._bytes[start:end]


_pool = _Pool()
# A forked process would hand out what this one does.
os.register_at_fork(after_in_child=_pool.empty)


def randomness(count: int) -> bytes:
    """`count` random bytes, at most some hundred, to tell things apart by: for secrets ask the operating system."""
    return _pool.take(count)


def new_id() -> str:
    """A fresh UUIDv7."""
    return ids.new_id(time.time_ns() // 1_000_000, randomness(10))
