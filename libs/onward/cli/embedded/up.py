"""`onward up`: one data directory, two servers, four services, workers, from first start to last stop."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from onward.cli.embedded import lock
from onward.cli.embedded.credentials import Credentials, load_or_create
from onward.cli.embedded.data_dir import DataDir, open_data_dir
from onward.cli.embedded.errors import AlreadyRunning
from onward.cli.embedded.leftover import take_server_lock
from onward.cli.embedded.nats import Nats, nats_child
from onward.cli.embedded.options import DEFAULT_PORT, UpOptions
from onward.cli.embedded.ports import Ports
from onward.cli.embedded.postgres import Postgres, postgres_child
from onward.cli.embedded.prepare import prepare_nats
from onward.cli.embedded.profile import write_profile
from onward.cli.embedded.report import AllReady, PortMoved, Stopped, Stopping, UpReport
from onward.cli.embedded.scratch import Scratch
from onward.cli.embedded.services import Addresses, Plan, addresses_of, services
from onward.cli.embedded.state import Running, identities, ourselves, read_state, write_state
from onward.cli.embedded.unstick import Unstick
from onward.client.profile import Profile
from onward.contract.submission import KeySpec
from onward.process import log_file
from onward.process.child_spec import ChildReady, Report
from onward.process.loop import Loop
from onward.process.stop import Stop
from onward.process.supervise import Supervisor

Say = Callable[[UpReport], None]


class Prepare(Protocol):
    """What has to be in NATS before the services start; `alone` where nobody else can be connected."""

    async def __call__(self, nats_url: str, key: KeySpec, *, alone: bool) -> None:
        """Puts it there."""
        ...


_LOG_CAP = 32 << 20
_LOOK_AT_LOGS = timedelta(seconds=10)
_LOOK_AT_NATS = timedelta(seconds=2)
_LOOK_AT_SCRATCH = timedelta(seconds=2)


async def up(
    options: UpOptions, stop: Stop, say: Say, *, plan: Plan = services, prepare: Prepare = prepare_nats
) -> None:
    """Runs an installation until the stop; `say` hears `AllReady` once everything answers."""
    options.check()
    directory = open_data_dir(options.data_dir)
    async with _only_one(directory):
        with Ports(directory) as ports:
            installation = _Installation(options, directory, ports, say)
            try:
                await _or_stopped(installation.start(plan, prepare), stop)
                await installation.tend(stop)
            finally:
                began = time.monotonic()
                say(Stopping(stop.reason or "something failed"))
                await installation.stop()
                say(Stopped(time.monotonic() - began))


@contextlib.asynccontextmanager
async def _only_one(directory: DataDir) -> AsyncIterator[None]:
    try:
        # A moment's patience: who only looks whether the lock is free holds it for an instant.
        held = await lock.take_within(directory.lock, 0.3)
    except lock.Busy as busy:
        raise AlreadyRunning(
            f"`onward up` runs on {directory.root} already, as process {busy.pid}",
            fix=f"use it, stop it with `onward down --data-dir {directory.root}`, or give another --data-dir",
        ) from None
    try:
        yield
    finally:
        os.close(held)


async def _or_stopped(work: Awaitable[None], stop: Stop) -> None:
    """Does the work, or leaves it when the stop comes first."""
    working, asked = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
    finally:
        asked.cancel()
        working.cancel()
        await asyncio.wait({working})


class _Installation:
    """What runs on one data directory."""

    def __init__(self, options: UpOptions, directory: DataDir, ports: Ports, say: Say) -> None:
        self._options = options
        self._directory = directory
        self._ports = ports
        self._say = say
        self._began = time.monotonic()
        self._supervisor = Supervisor(self._hear)
        self._locks = contextlib.ExitStack()
        self._before = read_state(directory)  # there only after an `up` that did not end in order
        self._running: Running | None = None
        self._unstick: Unstick | None = None
        self._scratch = Scratch(directory.nats) if options.nats_url is None else None

    async def start(self, plan: Plan, prepare: Prepare) -> None:
        """Starts everything, each part as soon as what it needs is there."""
        credentials, new = load_or_create(self._directory, now=datetime.now(UTC))
        nats = Nats(
            self._directory, self._ports.again("nats"), self._ports.again("nats_http"), credentials.nats
        )
        postgres = Postgres(self._directory, self._ports.again("postgres"), credentials.postgres)
        addresses = self._addresses(nats, postgres)
        self._ports.save()
        self._running = self._starting(addresses, credentials)
        self._remember()
        planned = plan(addresses, self._options, self._directory)
        streams = asyncio.Event()

        async def log_side() -> None:
            await self._start_nats(nats)
            await prepare(addresses.nats_url, credentials.key, alone=self._scratch is not None)
            await self._keep_scratch()
            streams.set()
            await self._supervisor.start(*planned.after_nats)

        async def postgres_side() -> None:
            await self._start_postgres(postgres, new_password=new)
            await streams.wait()
            await self._supervisor.start(*planned.after_postgres)

        await _all(log_side(), postgres_side())
        self._running = msgspec.structs.replace(self._running, ready=True)
        self._remember()
        profile = write_profile(Profile(addresses.url, credentials.api_key), os.environ)
        self._say(AllReady(self._running, profile, time.monotonic() - self._began))

    async def tend(self, stop: Stop) -> None:
        """Keeps the logs small, and the servers' scratch in memory, until the stop."""
        await _all(
            Loop("rotate logs", _LOOK_AT_LOGS, self._rotate).run(stop),
            Loop("keep scratch", _LOOK_AT_SCRATCH, self._keep_scratch).run(stop),
            Loop("unstick nats", _LOOK_AT_NATS, self._unstick_nats).run(stop),
        )

    async def stop(self) -> None:
        """Stops everything in the reverse order, and leaves the data."""
        await self._supervisor.stop()
        if self._scratch is not None:
            self._scratch.remove()
        self._locks.close()
        self._directory.state.unlink(missing_ok=True)

    async def _start_nats(self, nats: Nats) -> None:
        if self._options.nats_url is None:
            held = await self._lock_server("nats")
            await self._supervisor.start(await nats_child(nats, held))
            self._unstick = Unstick(nats, lambda: self._supervisor.pids)

    async def _start_postgres(self, postgres: Postgres, *, new_password: bool) -> None:
        if self._options.database_url is None:
            held = await self._lock_server("postgres")
            await self._supervisor.start(await postgres_child(postgres, held, new_password=new_password))

    async def _lock_server(self, name: str) -> int:
        held = await take_server_lock(self._directory, name, self._before)
        self._locks.callback(os.close, held)
        return held

    def _addresses(self, nats: Nats, postgres: Postgres) -> Addresses:
        given = self._options.nats_url
        urls = {
            "nats": given or nats.url("services"),
            "worker": given or nats.url("worker"),
            "sys": self._options.nats_sys_url if given else nats.url("sys"),
            "database": self._options.database_url or postgres.url,
        }
        return addresses_of(self._ports, self._options, urls, self._gateway_port())

    def _gateway_port(self) -> int:
        if self._options.port is not None:
            return self._ports.exactly("gateway", self._options.port)
        port = self._ports.first_from("gateway", DEFAULT_PORT)
        if port != DEFAULT_PORT:
            self._say(PortMoved(DEFAULT_PORT, port))
        return port

    def _starting(self, addresses: Addresses, credentials: Credentials) -> Running:
        return Running(
            url=addresses.url,
            api_key=credentials.api_key,
            nats_url=addresses.nats_url,
            database_url=addresses.database_url,
            data_dir=str(self._directory.root),
            up=ourselves(),
            children={},
        )

    def _hear(self, report: Report) -> None:
        if isinstance(report, ChildReady):
            self._remember()
        self._say(report)

    def _remember(self) -> None:
        """Writes down who runs now, for `down` and for an `up` that follows a crash."""
        if self._running is not None:
            children = identities(self._supervisor.pids)
            self._running = msgspec.structs.replace(self._running, children=children)
            write_state(self._directory, self._running)

    async def _keep_scratch(self, now: datetime | None = None) -> None:
        del now
        if self._scratch is not None:
            self._scratch.keep()

    async def _unstick_nats(self, now: datetime) -> None:
        if self._unstick is not None:
            await self._unstick.run_once(now)

    async def _rotate(self, now: datetime) -> None:
        del now
        for path in (self._directory.root / "logs").glob("*.log"):
            log_file.rotate(path, cap=_LOG_CAP)


async def _all(*parts: Awaitable[None]) -> None:
    """Waits for all parts; the first failure cancels the others and is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
