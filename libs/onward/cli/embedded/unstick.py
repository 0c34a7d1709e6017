"""A nats-server that could not write, as on a full disk, stores nothing more until it is started anew: this does it.

It still answers, and to who asks for the server alone it says that it is well; only the whole of `/healthz` tells.
"""

import contextlib
import logging
import os
import shutil
import signal
from collections.abc import Callable, Mapping
from datetime import datetime

from onward.cli.embedded.nats import Nats
from onward.cli.embedded.ports import HOST
from onward.process.probe import http_told

log = logging.getLogger(__name__)

_SIGN = "write error"
ROOM = 64 << 20
"""Bytes that have to be free: it would only get stuck again."""


class Unstick:
    """Looks after one server; whoever supervises it starts it again."""

    def __init__(self, nats: Nats, pids: Callable[[], Mapping[str, int]]) -> None:
        self._nats = nats
        self._pids = pids
        self._told = False

    async def run_once(self, now: datetime) -> bool:
        """Ends the server where that helps; whether it did."""
        del now
        pid = self._pids().get("nats")
        _, said = await http_told(f"http://{HOST}:{self._nats.http_port}/healthz")
        if pid is None or _SIGN not in said:
            self._told = False
            return False
        if shutil.disk_usage(self._nats.directory.nats).free < ROOM:
            if not self._told:
                log.error(
                    "nats stores nothing: %s; make room on its disk, and it is started anew", said.strip()
                )
            self._told = True
            return False
        log.warning("nats has met a write error, and there is room again: it is started anew")
        if self._pids().get("nats") == pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        return True
