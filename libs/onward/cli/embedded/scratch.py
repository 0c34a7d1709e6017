"""Where nats-server keeps the members of a batch until they are stored: memory instead of the disk.

A server alone stages each atomic batch in a folder of files that it flushes, uses once and deletes: two thirds of what
a batch costs (docs/adr/0021). The folder becomes a link to the machine's memory. It outlives the server's death, as the
server's recovery needs; a power cut takes it, and bus/torn.py mends what that leaves.
"""

import contextlib
import hashlib
import os
import shutil
import stat
from pathlib import Path

from onward.contract import subjects

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own in there, made and checked below
_ROOM = 256 << 20
"""Bytes that have to be free: the server has at most 50 batches open, of 2 MiB at most."""
_TRIES = 50


class Scratch:
    """The link from the store of one data directory to a folder in memory; nothing where there is no such memory."""

    def __init__(self, store: Path, *, memory: Path = _MEMORY) -> None:
        self._link = store / "jetstream" / "APP" / "streams" / subjects.EVENTS / "batches"
        name = hashlib.sha256(str(store.resolve()).encode()).hexdigest()[:16]
        self._target = memory / f"onward-{os.geteuid()}-{name}"
        self._memory = memory

    def keep(self) -> bool:
        """Puts the link in its place, where it is not; the server takes it away when it starts. Whether it is there."""
        if self._link.is_symlink() and self._target.is_dir():
            return True
        if not self._link.parent.is_dir() or not self._ours():
            return False
        for _ in range(_TRIES):
            with contextlib.suppress(OSError):  # a batch is in there just now, or the server was faster
                if self._link.is_symlink():
                    return True
                if self._link.exists():
                    self._link.rmdir()
                self._empty()
                self._link.symlink_to(self._target)
                return True
        return False

    def remove(self) -> None:
        """Leaves nothing behind, once the server has stopped in order."""
        if self._link.is_symlink():
            self._link.unlink()
        if self._target.is_dir() and not self._target.is_symlink():
            shutil.rmtree(self._target, ignore_errors=True)

    def _empty(self) -> None:
        """What a server left that died: the next one has read it, and nobody looks at it any more."""
        for left in self._target.iterdir():
            shutil.rmtree(left, ignore_errors=True)

    def _ours(self) -> bool:
        """Whether the folder is there, and nobody else's."""
        with contextlib.suppress(OSError):
            if _free(self._memory) >= _ROOM:
                self._target.mkdir(mode=0o700)
        with contextlib.suppress(OSError):
            found = self._target.lstat()
            return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        return False


def _free(memory: Path) -> int:
    found = os.statvfs(memory)
    return found.f_bavail * found.f_frsize
