"""A worker's settings, from the environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """ONWARD_… — every knob of a worker, with its default and what it costs."""

    nats_url: str
    tasks: str = ""
    """Modules that hold registries, separated by commas: `mypkg.tasks,other.tasks`."""
    queues: str = "default"
    """Queues to take from, separated by commas; `urgent=4,default=1` takes four times as much from the first."""
    project: str = "default"
    slots: int = 20
    """Executions at once; each holds one hint."""
    drain_seconds: float = 20.0
    """How long running code may go on after SIGTERM before it is handed back; below the container's stop timeout."""
    cancel_grace: float = 5.0
    """How long cancelled code may take to stop before it is made to, and again until it is abandoned."""
    ack_wait: float = 20.0
    """Seconds until the hint of a silent worker goes to another one, where nothing notices its death earlier."""
    secrets: str = ""
    """Values, or names of environment variables, that must never show in a log, separated by commas."""
    host: str = "127.0.0.1"
    port: int = 0
    """Where /livez, /readyz and /metrics are; 0 takes any free port."""

    def __post_init__(self) -> None:
        if not 1 <= self.slots <= 10_000:
            raise ValueError("slots must be 1 to 10000")
        weighted(self.queues)
        if self.drain_seconds < 0 or self.cancel_grace <= 0 or self.ack_wait < 1:
            raise ValueError("drain_seconds must be 0 or more, cancel_grace above 0, ack_wait 1 or more")


def weighted(listed: str) -> dict[str, float]:
    """The queues in such a list, with their weights; 1 where none is said. Raises ValueError."""
    found = {}
    for one in names(listed):
        name, equals, said = one.partition("=")
        weight = float(said) if equals else 1.0
        if not 0.01 <= weight <= 100:
            raise ValueError(f"the weight of queue {name} must be 0.01 to 100")
        found[name.strip()] = weight
    return found


def names(listed: str) -> tuple[str, ...]:
    """The names in a comma-separated list."""
    return tuple(name.strip() for name in listed.split(",") if name.strip())
