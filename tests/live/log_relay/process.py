"""`python -m onward_log_relay` as a process, and clients that do not read."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import msgspec

from onward.bus import config
from onward.http.auth import new_key
from tests.support.log_relay import NOON
from tests.support.ports import free_port


class RelayProcess:
    """One relay; the same port in all its lives."""

    def __init__(self, nats_url, folder, **settings):
        self.port = free_port()
        self.key = None
        self._log = folder / "log_relay.log"
        self._env = {
            **os.environ, "ONWARD_NATS_URL": nats_url, "ONWARD_LOG_RELAY_PORT": str(self.port),
            **{f"ONWARD_LOG_RELAY_{name.upper()}": str(value) for name, value in settings.items()},
        }  # fmt: skip
        self.process = None

    @property
    def auth(self):
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def ws(self):
        return f"ws://127.0.0.1:{self.port}/api/v1/ws"

    def url(self, execution_id, query=""):
        return f"http://127.0.0.1:{self.port}/api/v1/executions/{execution_id}/logs{query}"

    async def start(self, execution):
        """Start it; with a key for the project of `execution`, when that is the first time."""
        if self.key is None:
            self.key, spec = new_key(execution.project, now=NOON)
            connection = execution.bus.connection
            await config.put(connection, execution.project, "key", spec.id, msgspec.json.encode(spec), 0)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "onward_log_relay"], env=self._env, stdout=log, stderr=log
            )
        return await self.ready()

    async def ready(self, within=20.0):
        deadline = time.monotonic() + within
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline:
                assert self.process.poll() is None, self.log()
                try:
                    async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                        if answer.status == 200:
                            return self
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.02)
        raise AssertionError("not ready:\n" + self.log())

    async def metric(self, name):
        """One number of /metrics."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/metrics") as answer,
        ):
            lines = (await answer.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def log(self):
        return self._log.read_text(errors="replace")

    def memory(self):
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu(self):
        """Seconds of CPU so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        """Ask it to stop; its exit code."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
        return self.process.returncode if self.process else 0


class Stalled:
    """A client of its own, with a small buffer, that asks for a log and never reads."""

    def __init__(self, port, path, key, headers=(), receive=4096):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.connect(("127.0.0.1", port))
        lines = [f"GET {path} HTTP/1.1", "Host: relay", f"Authorization: Bearer {key}", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())

    @classmethod
    def websocket(cls, port, key, message):
        """The same over a WebSocket."""
        upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")  # fmt: skip
        stalled = cls(port, "/api/v1/ws", key, upgrade)
        stalled.socket.settimeout(10)
        head = b""
        while b"\r\n\r\n" not in head:
            head += stalled.socket.recv(1)
        assert b" 101 " in head
        data = message.encode()
        masked = bytes(byte ^ 0 for byte in data)
        stalled.socket.sendall(bytes([0x81, 0x80 | 126]) + len(data).to_bytes(2) + b"\0\0\0\0" + masked)
        return stalled

    def rest(self, last=None, within=15.0):
        """All that is still to come, up to the end of the connection, or up to `last`."""
        self.socket.settimeout(within)
        found = b""
        while not (last and found.endswith(last)) and (data := self.socket.recv(65_536)):
            found += data
        return found

    def close(self):
        self.socket.close()
