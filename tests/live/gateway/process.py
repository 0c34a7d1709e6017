"""A gateway as a process, and a caller."""

import asyncio
import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from onward.bus import config
from onward.bus.bus import Bus
from onward.contract.submission import TaskSpec
from onward.http.auth import new_key
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port

EXECUTIONS = "/api/v1/executions"
SCHEMA = msgspec.Raw(b'{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":false}')


class Reply:
    """An answer that was read."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        assert self.headers["content-type"].startswith("application/problem+json"), self.body
        return self.json["code"]


class GatewayProcess:
    """`python -m onward_gateway` against one nats-server; the same port in all its lives."""

    def __init__(self, server: NatsServer, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._log = folder / "gateway.log"
        self._settings = {
            "ONWARD_NATS_URL": server.url,
            "ONWARD_GATEWAY_PORT": str(self.port),
            "ONWARD_RELAY_URL": "http://127.0.0.1:9",
            **settings,
        }

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "onward_gateway"],
                env={**os.environ, **self._settings},
                stdout=log,
                stderr=log,
            )

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    async def ready(self, within: float = 20.0, *, status: int = 200, saying: str = "") -> Any:
        """What /readyz says once it says `status`, and `saying` within it."""
        deadline = time.monotonic() + within
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline:
                assert self.process is not None
                assert self.process.poll() is None, self.log()
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(self.url + "/readyz") as answer:
                        if answer.status == status and saying in await answer.text():
                            return await answer.json()
                await asyncio.sleep(0.02)
        raise AssertionError(f"/readyz never was {status} {saying}:\n" + self.log())

    def stop(self, how: signal.Signals = signal.SIGTERM, within: float = 20.0) -> int:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(how)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            raise AssertionError("the gateway did not stop:\n" + self.log()) from None

    def cpu_seconds(self) -> float:
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.asynccontextmanager
async def gateway_on(server: NatsServer, folder: Path, **settings: str) -> AsyncIterator[GatewayProcess]:
    """A gateway for the time of a `with`."""
    gateway = GatewayProcess(server, folder, **settings)
    gateway.start()
    try:
        yield gateway
    finally:
        if gateway.process is not None and gateway.process.poll() is None:
            gateway.stop()


class Caller:
    """Somebody with a key."""

    def __init__(
        self, gateway: GatewayProcess, session: aiohttp.ClientSession, project: str, key: str
    ) -> None:
        self.gateway, self.session, self.project, self.key = gateway, session, project, key

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = "", **headers: str
    ) -> Reply:
        """One request; `body` is JSON, bytes as they are, or an async generator of parts."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            given["Authorization"] = "Bearer " + (key or self.key)
        if body is not None:
            given.setdefault("Content-Type", "application/json")
            body = msgspec.json.encode(body) if isinstance(body, dict | list) else body
            body = io.BytesIO(body) if isinstance(body, bytes) else body
        url = URL(self.gateway.url + path, encoded=True)
        timeout = aiohttp.ClientTimeout(total=70)
        async with self.session.request(method, url, data=body, headers=given, timeout=timeout) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def submit(self, task: str = "noop", **fields: Any) -> Any:
        reply = await self.call("POST", EXECUTIONS, {"task": task, **fields})
        assert reply.status == 202, reply.body
        return reply.json


async def new_caller(
    bus: Bus, gateway: GatewayProcess, session: aiohttp.ClientSession, project: str
) -> Caller:
    """A caller whose key the gateway knows already."""
    key, spec = new_key(project, now=datetime.now(UTC))
    await config.keep(bus.connection, project, "task", "noop", msgspec.json.encode(TaskSpec(name="noop")))
    typed = TaskSpec(name="typed", input_schema=SCHEMA)
    await config.keep(bus.connection, project, "task", "typed", msgspec.json.encode(typed))
    await config.keep(bus.connection, project, "key", spec.id, msgspec.json.encode(spec))
    caller = Caller(gateway, session, project, key)
    async with asyncio.timeout(40):
        while (await caller.call("GET", "/api/v1/tasks")).status == 401:
            await asyncio.sleep(0.005)
    return caller
