"""A whole Onward as processes that a test starts, kills, pauses and starts again by name.

async with platform(tmp_path) as onward: …; onward.kill("worker-1"); onward.start("worker-1")
"""

import asyncio
import contextlib
import hashlib
import io
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from onward.bus import config, topology
from onward.bus.bus import open_bus
from onward.contract.submission import KeySpec
from tests.support import hostile
from tests.support.nats_server import NatsCluster, NatsServer, one_server, three_servers
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer, one_postgres

TASKS = "tests.support.journey_tasks"
ACK_WAIT = 20.0


class Platform:
    """Every process of one installation, by name: gateway-1, execution_state-1, log_relay-1, worker-1 …"""

    def __init__(
        self, folder: Path, servers: NatsCluster, postgres: PostgresServer, replicas: int, slots: int
    ) -> None:
        self.folder, self.servers, self.postgres = folder, servers, postgres
        self.ledger = folder / "ledger.jsonl"
        self.ledger.touch()
        self.key = f"ow_default_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.settings: dict[str, str] = {}
        self.own: dict[str, dict[str, str]] = {}
        """Settings of one process, in all its lives."""
        self.program: Callable[[str], list[str]] = hostile.program
        """What `python -m` is to run for a service."""
        self._replicas, self._slots = replicas, slots
        self._ports: dict[str, int] = {}
        self._session: aiohttp.ClientSession | None = None

    # Processes

    def port(self, name: str) -> int:
        """Where a process listens, in all its lives."""
        return self._ports.setdefault(name, free_port())

    def start(self, name: str, **settings: str) -> None:
        """Start a process, with settings of its own."""
        module = "onward_" + name.rsplit("-", 1)[0]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *self.program(module)],
                env={
                    **os.environ,
                    **self._environment(name),
                    **self.settings,
                    **self.own.get(name, {}),
                    **settings,
                },
                stdout=log,
                stderr=log,
            )

    def _environment(self, name: str) -> dict[str, str]:
        number = name.rsplit("-", 1)[1]
        return {
            "ONWARD_NATS_URL": self.servers.urls,
            "ONWARD_NATS_SYS_URL": ",".join(server.sys_url for server in self.servers),
            "ONWARD_DATABASE_URL": self.postgres.url("onward"),
            "ONWARD_RELAY_URL": f"http://127.0.0.1:{self.port(f'log_relay-{number}')}",
            "ONWARD_HOST": "127.0.0.1",
            "ONWARD_PORT": str(self.port(name)),
            "ONWARD_TASKS": TASKS,
            "ONWARD_SLOTS": str(self._slots),
            "ONWARD_REPLICAS": str(self._replicas),
            "JOURNEY_LEDGER": str(self.ledger),
            "PYTHONUNBUFFERED": "1",
        }

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        """SIGKILL, and the process is reaped."""
        process = self.processes[name]
        process.send_signal(how)
        process.wait(30)

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        self.processes[name].send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self.processes[name].send_signal(signal.SIGCONT)

    async def ready(self, *names: str, within: float = 30.0) -> None:
        """Wait until these answer /readyz."""
        for name in names or tuple(self.processes):
            await self.eventually(
                lambda name=name: self._is_ready(name), within, f"{name} is not ready", name
            )

    async def _is_ready(self, name: str) -> bool:
        if self.processes[name].poll() is not None:
            raise AssertionError(f"{name} ended with {self.processes[name].returncode}:\n{self.log(name)}")
        with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError):
            async with self.http.get(
                f"http://127.0.0.1:{self.port(name)}/readyz", timeout=aiohttp.ClientTimeout(2)
            ) as answer:
                return answer.status == 200
        return False

    def log(self, name: str) -> str:
        """The end of what a process said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]

    # The door

    @property
    def http(self) -> aiohttp.ClientSession:
        """One client session for the test."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200))
        return self._session

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        gateway: int = 1,
        timeout: float = 40.0,
        **headers: str,
    ) -> tuple[int, Any]:
        """(status, JSON) of one request below /api/v1."""
        async with self.http.request(
            method,
            f"http://127.0.0.1:{self.port(f'gateway-{gateway}')}/api/v1{path}",
            data=None if body is None else io.BytesIO(json.dumps(body).encode()),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self.key}",
                **{k.replace("_", "-"): v for k, v in headers.items()},
            },
            timeout=aiohttp.ClientTimeout(timeout),
        ) as answer:
            return answer.status, json.loads(await answer.read() or b"null")

    async def submit(self, task: str, given: Any = None, **more: Any) -> str:
        """Accept an execution, insisting for 30 s; its id."""
        body = {"task": task, "input": given or {}, "idempotency_key": secrets.token_hex(8), **more}
        deadline = time.monotonic() + 30
        while True:
            status, answer = 0, None
            with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError):
                status, answer = await self.call("POST", "/executions", body, timeout=5)
                if status in (200, 202):
                    return str(answer["id"])
            if time.monotonic() > deadline or 400 <= status < 500:
                raise AssertionError(f"not accepted: {status} {answer}")
            await asyncio.sleep(0.1)

    async def get(self, execution_id: str, **query: str) -> dict[str, Any]:
        """The execution as REST shows it."""
        text = "&".join(f"{key}={value}" for key, value in query.items())
        status, answer = await self.call("GET", f"/executions/{execution_id}?{text}")
        assert status == 200, (status, answer)
        return dict(answer)

    async def ended(self, execution_id: str, within: float = 60.0) -> dict[str, Any]:
        """The execution once its outcome stands; the gateway may come and go meanwhile."""
        found: dict[str, Any] = {}

        async def has_ended() -> bool:
            with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError, AssertionError):
                found.update(await self.get(execution_id, wait="5"))
            return found.get("status") in ("completed", "failed", "cancelled")

        await self.eventually(has_ended, within, f"{execution_id} has not ended")
        return found

    async def events(self, execution_id: str) -> list[dict[str, Any]]:
        """Its events."""
        status, answer = await self.call("GET", f"/executions/{execution_id}/events")
        assert status == 200, (status, answer)
        return list(answer["items"])

    async def reaches(self, execution_id: str, reason: str, within: float = 40.0) -> dict[str, Any]:
        """The execution once its reason is this."""
        found: dict[str, Any] = {}

        async def is_so() -> bool:
            found.update(await self.get(execution_id))
            return found["reason"] == reason

        await self.eventually(is_so, within, f"{execution_id} never was {reason}")
        return found

    # The witness outside the system

    def let_go(self) -> None:
        """Let steps that wait for the test end, now and from now on."""
        (self.folder / "let go").touch()

    def effects(self) -> list[dict[str, Any]]:
        """What the tasks' steps wrote into the ledger, in order."""
        return [json.loads(line) for line in self.ledger.read_text().splitlines()]

    async def effect(self, within: float = 40.0, **wanted: Any) -> dict[str, Any]:
        """The first effect with these members, once it is there."""

        async def there() -> bool:
            return any(wanted.items() <= effect.items() for effect in self.effects())

        await self.eventually(there, within, f"no effect {wanted}")
        return next(effect for effect in self.effects() if wanted.items() <= effect.items())

    async def eventually(self, is_so: Callable[[], Any], within: float, otherwise: str, *logs: str) -> None:
        """Ask again and again until it is so, or fail with `otherwise`."""
        deadline = time.monotonic() + within
        while not await is_so():
            if time.monotonic() > deadline:
                said = "\n".join(f"--- {name}\n{self.log(name)}" for name in logs or self.processes)
                raise AssertionError(f"{otherwise} within {within} s\n{said}")
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End everything that still runs."""
        if self._session is not None:
            await self._session.close()
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            process.kill()
            process.wait(10)


@contextlib.asynccontextmanager
async def platform(
    folder: Path, *, servers: int = 1, each: int = 1, workers: int = 2, slots: int = 10, **settings: str
) -> AsyncIterator[Platform]:
    """A running installation: `each` of every service, `workers`, one nats-server or three."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        cluster = (
            stack.enter_context(three_servers(folder / "nats"))
            if servers == 3
            else NatsCluster([stack.enter_context(one_server(folder / "nats"))])
        )
        postgres = stack.enter_context(one_postgres())
        postgres.sql("create database onward")
        onward = Platform(folder, cluster, postgres, servers, slots)
        onward.settings = {**(hostile.SETTINGS if hostile.asked_for() else {}), **settings}
        await _prepare(onward, servers)
        try:
            for number in range(1, each + 1):
                for service in ("execution_state", "log_relay", "gateway"):
                    onward.start(f"{service}-{number}")
            for number in range(1, workers + 1):
                onward.start(f"worker-{number}")
            await onward.ready()
            async with hostile.nagging(cluster) if hostile.asked_for() else contextlib.nullcontext():
                yield onward
        finally:
            await onward.stop()


async def _prepare(onward: Platform, replicas: int) -> None:
    bus = await open_bus(onward.servers.urls, "journey-setup", lambda: None)
    await topology.ensure(bus.connection, replicas=replicas)
    key = KeySpec(
        id=onward.key.split("_")[2],
        project="default",
        sha256=hashlib.sha256(onward.key.encode()).hexdigest(),
        created_at=datetime.now(UTC),
    )
    await config.keep(bus.connection, "default", "key", key.id, msgspec.json.encode(key))
    await bus.close()


__all__ = ["ACK_WAIT", "NatsServer", "Platform", "platform"]
