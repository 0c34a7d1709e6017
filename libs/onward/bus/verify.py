"""Start-up checks: the server's version and settings, and whether the streams are as they must be."""

import asyncio
from typing import Any

import msgspec

from onward.bus.api import Refused, call
from onward.bus.connection import Connection
from onward.bus.topology import Limits, info, streams
from onward.contract.errors import Misconfigured, Unavailable

OLDEST = (2, 15)
OPERATORS = frozenset({"max_bytes", "max_age", "max_consumers", "num_replicas", "compression"})
"""Settings that an operator may choose, within reason."""


async def verify(
    connection: Connection, *, system: Connection | None = None, lazy_fsync: bool = False
) -> list[str]:
    """What is unusual, for a warning each. Raises Misconfigured for what would break a promise.

    `system` is a connection of the system account; without it the fsync setting cannot be seen. `lazy_fsync` accepts
    a server that may lose at a power cut what it has acknowledged.
    """
    warnings = _version(connection)
    try:
        await call(connection, "INFO")
    except Refused as refused:
        raise Misconfigured(
            f"JetStream is not usable: {refused}", fix="turn JetStream on for this account"
        ) from refused
    except Unavailable as error:
        raise Misconfigured("JetStream does not answer", fix="turn JetStream on for this account") from error
    for name, expected in streams(1, Limits()).items():
        found = await info(connection, name)
        if found is None:
            raise Misconfigured(f"stream {name} is missing", fix="start execution_state, which makes it")
        _compare(name, expected, found["config"])
    return warnings + await _fsync(system, lazy_fsync=lazy_fsync)


def _version(connection: Connection) -> list[str]:
    text = connection.server_version
    parts = text.split(".")
    numbers = tuple(int(part) for part in parts[:2] if part.isdigit())
    if numbers < OLDEST:
        raise Misconfigured(f"nats-server {text} is too old", fix="install nats-server 2.15")
    if numbers > OLDEST:
        return [f"nats-server {text} is newer than the 2.15 this release was tried with"]
    return []


def _compare(name: str, expected: dict[str, Any], found: dict[str, Any]) -> None:
    for setting, value in expected.items():
        is_there = found.get(setting)
        if setting == "persist_mode" and found.get("num_replicas", 1) > 1:
            value = None  # noqa: PLW2901 - the server refuses it on replicated streams
        if setting == "sources":
            is_there = [
                {key: source.get(key) for key in ("name", "subject_transforms")} for source in is_there or []
            ]
        if setting == "max_bytes" and value > 0 and (is_there or 0) <= 0:
            raise _wrong(name, setting, "a limit", is_there)
        if setting == "max_age" and value == 0 and is_there:
            raise _wrong(name, setting, value, is_there)
        if setting not in OPERATORS and is_there != value:
            raise _wrong(name, setting, value, is_there)


def _wrong(stream: str, setting: str, expected: object, found: object) -> Misconfigured:
    return Misconfigured(
        f"stream {stream}: {setting} is {found!r}, it must be {expected!r}",
        fix=f"nats stream edit {stream}, or remove the stream if nothing in it is needed",
    )


async def _fsync(system: Connection | None, *, lazy_fsync: bool) -> list[str]:
    """What the servers say about fsync."""
    if system is None:
        return ["no system account: whether the server runs with sync_interval always cannot be seen"]
    lazy = []
    for answer in await _servers(system):
        jetstream = (answer.get("data") or {}).get("jetstream") or {}
        if jetstream and not (jetstream.get("config") or {}).get("sync_always"):
            lazy.append((answer.get("server") or {}).get("name", "?"))
    if lazy and not lazy_fsync:
        raise Misconfigured(
            f"nats-server {', '.join(lazy)} acknowledges before the fsync: a power cut would lose accepted work",
            fix="set jetstream.sync_interval to always and restart it",
        )
    return [f"nats-server {name} acknowledges before the fsync" for name in lazy]


async def _servers(system: Connection, patience: float = 0.3) -> list[dict[str, Any]]:
    """The /varz of each server of the cluster; how many there are nobody says."""
    answers: list[dict[str, Any]] = []
    inbox = system.new_inbox()
    sid = system.listen(inbox, lambda _s, _r, _h, data: answers.append(msgspec.json.decode(data)))
    system.send("$SYS.REQ.SERVER.PING.VARZ", b"", reply=inbox)
    await asyncio.sleep(patience)
    await system.stop(sid)
    return answers
