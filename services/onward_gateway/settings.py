"""The gateway's settings, from the environment."""

import ipaddress
from typing import Literal

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """ONWARD_… — every knob of the gateway, with its default and what it costs."""

    nats_url: str
    relay_url: str = "http://127.0.0.1:7072"
    """Where log_relay listens: logs and WebSockets are forwarded to it."""
    host: str = "127.0.0.1"
    port: int = 7070
    """0 takes any free port."""
    insecure_bind: bool = False
    """Says that a host beyond loopback is meant, and that something else brings TLS."""
    most_in_flight: int = 1024
    """Requests at once; more get 503 instead of making everybody slower."""
    most_waiting: int = 4096
    """Requests that hold a `?wait=` or follow a log at once; each costs a few kB."""
    most_large: int = 2
    """Bodies above 1 MiB at once; each costs up to 130 MiB, and 1 GiB in the process that checks it."""
    drain_seconds: float = 10.0
    """How long requests in flight may go on after SIGTERM."""
    most_waiting_executions: int = 1_000_000
    """How many executions of a project may wait in queues, where it has no quota of its own; more get 429."""
    full_at: float = 0.85
    """Share of EVENTS in use from which new submissions get 503; the rest is for running work."""
    policy_seconds: float = 1.0
    """How long one policy may take; after that it denies."""
    opa_url: str | None = None
    """An OPA, for policies that name a path in one."""
    opa_seconds: float = 1.0
    """How long it may take."""
    opa_fails: Literal["closed", "open"] = "closed"
    """While it does not answer: closed denies, open lets through with a warning."""
    bulk_per_second: float = 500.0
    """Executions that bulk operations may change in a second; more make live traffic slower."""

    def __post_init__(self) -> None:
        if not 0 < self.full_at <= 1:
            raise ValueError("full_at must be above 0 and at most 1")
        if not (
            0 <= self.port <= 65_535
            and min(self.most_in_flight, self.most_waiting, self.most_large, self.most_waiting_executions) > 0
        ):
            raise ValueError("port must be 0 to 65535, each most_… above 0")
        if not min(self.bulk_per_second, self.policy_seconds, self.opa_seconds) > 0:
            raise ValueError("bulk_per_second, policy_seconds and opa_seconds must be above 0")
        if not self.insecure_bind and not _loopback(self.host):
            raise ValueError(f"host {self.host} is not loopback; set insecure_bind where a proxy brings TLS")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
