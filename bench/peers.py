"""Other systems: how their scripts are called, and what is on disk when they say yes.

A folder of scripts holds `peer_<name>.py` for each, with the command line of bench/run.py; each prints the same lines.
"""

from typing import NamedTuple

POSTGRES = "on: Postgres, synchronous_commit"


class Known(NamedTuple):
    """What is taken where nothing else is asked for."""

    profile: str
    fsync: dict[str, str]
    counts: dict[str, int]
    """Executions of a workload, where the script's own number is over in a moment."""


KNOWN = {
    "restate": Known(
        "best",
        dict.fromkeys(("default", "best", "limit100"), "on: RocksDB's log, in batches"),
        {"w1c": 10_000, "w3": 1_000},
    ),
    "absurd": Known("best", dict.fromkeys(("default", "best"), POSTGRES), {}),
    "dbos": Known(
        "best",
        {
            **dict.fromkeys(("default", "best", "sync", "inproc"), POSTGRES),
            "async": "OFF: synchronous_commit=off",
        },
        {},
    ),
    "taskiq": Known(
        "durable",
        {
            "durable": "on: JetStream, sync_interval always; no steps",
            **dict.fromkeys(("default", "best"), "OFF: JetStream, each 2 minutes; no steps"),
        },
        {"w1": 12_000},
    ),
    "temporal": Known(
        "tuned",
        {
            **dict.fromkeys(("default", "best", "wal", "tuned"), "on: SQLite of its development server"),
            "memory": "OFF: in memory",
        },
        {},
    ),
    "celery": Known(
        "durable",
        {
            "durable": "on: Redis, appendfsync always; no steps",
            "default": "OFF: each second",
            "best": "OFF: each second",
        },
        {},
    ),
    "procrastinate": Known("best", dict.fromkeys(("default", "best"), POSTGRES + "; no steps"), {}),
    "prefect": Known("default", {"default": "on: SQLite"}, {}),
}


class Peer(NamedTuple):
    """One that is measured."""

    name: str
    profile: str

    def __str__(self) -> str:
        return f"{self.name}:{self.profile}"

    @property
    def script(self) -> str:
        """Its program, in the folder of the scripts."""
        return f"peer_{self.name}.py"

    def count(self, workload: str) -> int:
        """Executions of a run; 0: as its script has it."""
        return KNOWN[self.name].counts.get(workload, 0) if self.name in KNOWN else 0


def peer(text: str) -> Peer:
    """One of `restate` or `restate:default`."""
    name, _, profile = text.partition(":")
    return Peer(name, profile or (KNOWN[name].profile if name in KNOWN else "default"))


def fsync_of(name: str, profile: str) -> str:
    """What is known about its fsync."""
    return KNOWN[name].fsync.get(profile, "not known") if name in KNOWN else "not known"
