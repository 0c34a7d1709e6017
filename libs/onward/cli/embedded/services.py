"""The processes above the two servers, as data: program, environment, and how one knows that they are ready."""

import os
import re
import signal
import sys
from collections.abc import Callable, Mapping

import msgspec

from onward.cli.embedded.data_dir import DataDir
from onward.cli.embedded.options import UpOptions
from onward.cli.embedded.ports import HOST, Ports
from onward.process.child_spec import ChildSpec, StopStep
from onward.process.parent import PARENT_VARIABLE
from onward.process.probe import http_ok

# Each process gets the addresses it needs and no other; what else is ONWARD_… in our environment is for all of them.
_OURS_TO_SET = re.compile(
    r"^ONWARD_(\w+_)?(NATS_URL|NATS_SYS_URL|DATABASE_URL|RELAY_URL|URL|API_KEY|PORT|HOST|HOME|PROFILE|PARENT_PID)$"
)


class Addresses(msgspec.Struct, frozen=True):
    """Where the parts of one installation find each other."""

    nats_url: str  # of the services
    worker_nats_url: str
    nats_sys_url: str | None
    database_url: str
    gateway_port: int
    relay_port: int
    state_port: int
    worker_ports: tuple[int, ...]

    @property
    def url(self) -> str:
        """Returns where clients go."""
        return f"http://{HOST}:{self.gateway_port}"


Plan = Callable[[Addresses, UpOptions, DataDir], "Services"]


class Service(msgspec.Struct, frozen=True):
    """One of our own programs: `python -m module`, which answers /readyz on its port."""

    name: str
    module: str
    port: int
    env: dict[str, str]
    stage: int
    grace_seconds: float = 15.0
    sees_cwd: bool = False  # only workers import what lies where `up` was typed


class Services(msgspec.Struct, frozen=True):
    """The children to start: those that need Postgres to be ready, and those that live without it."""

    after_postgres: tuple[ChildSpec, ...]
    after_nats: tuple[ChildSpec, ...]


def addresses_of(ports: Ports, options: UpOptions, urls: Mapping[str, str | None], gateway: int) -> Addresses:
    """Chooses the ports of everything that listens above the servers."""
    return Addresses(
        nats_url=urls["nats"] or "",
        worker_nats_url=urls["worker"] or "",
        nats_sys_url=urls["sys"],
        database_url=urls["database"] or "",
        gateway_port=gateway,
        relay_port=ports.again("log_relay"),
        state_port=ports.again("execution_state"),
        worker_ports=tuple(ports.again(f"worker-{n}") for n in range(1, options.workers + 1)),
    )


def services(addresses: Addresses, options: UpOptions, directory: DataDir) -> Services:
    """Returns the four services and the workers of one installation."""
    nats = {"ONWARD_NATS_URL": addresses.nats_url}
    state = {**nats, "ONWARD_DATABASE_URL": addresses.database_url}
    if addresses.nats_sys_url:
        state["ONWARD_NATS_SYS_URL"] = addresses.nats_sys_url
    door = {**nats, "ONWARD_RELAY_URL": f"http://{HOST}:{addresses.relay_port}"}
    work = _worker_env(addresses, options)
    after_postgres = (
        Service("execution_state", "onward_execution_state", addresses.state_port, state, stage=1),
    )
    after_nats = (
        Service("log_relay", "onward_log_relay", addresses.relay_port, nats, stage=1),
        Service("gateway", "onward_gateway", addresses.gateway_port, door, stage=2),
        *(
            Service(f"worker-{n}", "onward_worker", port, work, stage=3, grace_seconds=45.0, sees_cwd=True)
            for n, port in enumerate(addresses.worker_ports, start=1)
        ),
    )
    return Services(
        after_postgres=tuple(python_child(service, options, directory) for service in after_postgres),
        after_nats=tuple(python_child(service, options, directory) for service in after_nats),
    )


def python_child(service: Service, options: UpOptions, directory: DataDir) -> ChildSpec:
    """Returns how to run one of our own programs."""

    async def ready(pid: int) -> bool:
        del pid
        return await http_ok(f"http://{HOST}:{service.port}/readyz")

    own = {
        "ONWARD_HOST": HOST,
        "ONWARD_PORT": str(service.port),
        PARENT_VARIABLE: str(os.getpid()),
        "PYTHONUNBUFFERED": "1",
    }
    return ChildSpec(
        name=service.name,
        argv=(sys.executable, *([] if service.sees_cwd else ["-P"]), "-m", service.module),
        log=directory.log(service.name),
        env={**inherited(os.environ), **own, **service.env},
        ready=ready,
        ready_seconds=options.ready_seconds,
        stage=service.stage,
        stop=(StopStep(signal.SIGTERM, service.grace_seconds),),
        death=signal.SIGTERM,
    )


def inherited(env: Mapping[str, str]) -> dict[str, str]:
    """Returns our environment without the addresses and secrets that each process gets by itself or not at all."""
    return {name: value for name, value in env.items() if not _OURS_TO_SET.match(name)}


def _worker_env(addresses: Addresses, options: UpOptions) -> dict[str, str]:
    env = {"ONWARD_NATS_URL": addresses.worker_nats_url}
    if options.tasks:
        env["ONWARD_TASKS"] = ",".join(options.tasks)
    if options.queues:
        env["ONWARD_QUEUES"] = ",".join(options.queues)
    if options.slots is not None:
        env["ONWARD_SLOTS"] = str(options.slots)
    return env
