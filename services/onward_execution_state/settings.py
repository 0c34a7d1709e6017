"""The settings of execution_state, from the environment."""

import re

import msgspec

from onward.contract.destinations import Allowed

_HOST = r"(\[[^\]]*\]|[^:,/?#@\[\]]*)(:\d+)?"
_DATABASE = re.compile(rf"postgres(ql)?://([^/?#]*@)?{_HOST}(,{_HOST})*([/?#].*)?")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """ONWARD_… — every knob of execution_state, with its default and what it costs."""

    nats_url: str
    database_url: str
    nats_sys_url: str | None = None
    """The system account: without it a dead worker is noticed by ack_wait (20 s), and not at once."""
    host: str = "127.0.0.1"
    port: int = 7071
    """Of /livez, /readyz and /metrics; 0 takes any free port."""
    replicas: int = 1
    """Of each stream that has to be made: 3 in a cluster."""
    horizon_seconds: float = 86_400.0
    """How long EVENTS keeps what is over; Postgres keeps it by class (docs/howto/retention.md)."""
    retention_seconds: float = 60.0
    """Time between two looks at what may be purged."""
    export_folder: str | None = None
    """Where whole months are written before Postgres forgets them; without it they are only forgotten."""
    reconcile_seconds: float = 5.0
    """Time between two looks, of a thousand open executions each, for what was lost."""
    remind_seconds: float = 1.0
    """Time between two looks for questions that people are to be reminded of."""
    stall_seconds: float = 300.0
    """How long a running execution may be without an event or a log line before it is shown as stalled."""
    batch: int = 1000
    """Events projected in one transaction."""
    readers: int = 4
    """Connections to Postgres that answer questions; up to five more write."""
    lazy_fsync: bool = False
    """Accepts a NATS server that may lose at a power cut what it has acknowledged."""

    webhook_allow: tuple[str, ...] = ()
    """Addresses, networks and hosts inside that webhooks may reach all the same, with commas between."""
    smtp_url: str | None = None
    """`smtp://user:password@host:587` (STARTTLS where it is offered) or `smtps://…`: without it no email is sent."""
    smtp_sender: str = "onward@localhost"

    def __post_init__(self) -> None:
        Allowed.of(self.webhook_allow)
        if _DATABASE.fullmatch(self.database_url) is None:
            raise ValueError("database_url must read postgresql://user:password@host:5432/database")
        if not (0 <= self.port <= 65_535 and self.replicas in {1, 3, 5}):
            raise ValueError("port must be 0 to 65535, replicas 1, 3 or 5")
        if (
            self.horizon_seconds < 1
            or min(self.retention_seconds, self.reconcile_seconds, self.remind_seconds) <= 0
            or self.stall_seconds <= 0
        ):
            raise ValueError("horizon_seconds must be 1 or more, the other times above 0")
        if not (1 <= self.batch <= 5000 and self.readers >= 1):
            raise ValueError("batch must be 1 to 5000, readers 1 or more")
