"""Servers that outlived the `up` that started them: waited for, and then ended."""

import contextlib
import os
import signal

from onward.cli.embedded import lock
from onward.cli.embedded.data_dir import DataDir
from onward.cli.embedded.errors import StopFailed
from onward.cli.embedded.state import Running

_BY_THEMSELVES_SECONDS = 6.0
_KILLED_SECONDS = 5.0


async def take_server_lock(directory: DataDir, name: str, before: Running | None) -> int:
    """Takes a server's lock, which is free only when no process of an earlier one is left.

    After a kill -9 of `up`, which `before` tells of, its servers are about to end; one that does not is killed.
    """
    path = directory.server_lock(name)
    with contextlib.suppress(lock.Busy):
        return await lock.take_within(path, _BY_THEMSELVES_SECONDS)
    child = before.children.get(name) if before else None
    if child is not None and child.alive():
        os.kill(child.pid, signal.SIGKILL)
    try:
        return await lock.take_within(path, _KILLED_SECONDS)
    except lock.Busy:
        raise StopFailed(
            f"a {name} process of an earlier `onward up` still runs on {directory.root}",
            fix=f"end it: `fuser {path}` names it",
        ) from None
