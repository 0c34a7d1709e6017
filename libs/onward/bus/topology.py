"""The streams and the queues' consumers: made once, by one owner, as raw JSON."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from onward.bus import fenced
from onward.bus.api import CONSUMER_EXISTS, NO_ROOM, NOT_FOUND_STREAM, STREAM_EXISTS, Refused, call
from onward.bus.connection import Connection
from onward.bus.names import check_names
from onward.contract import ids, subjects
from onward.contract.errors import FenceLost, Misconfigured, Unavailable
from onward.contract.limits import COMPLETE, MARK, mark

MIB = 1024**2
NO_PEERS = 10005
"""What a cluster answers when no server has the room."""
SCRATCH = "ONWARD_ROOM"
SMALLEST = 16 * MIB
ENOUGH_FOR_VALUES = 1024 * MIB
ROOM_FOR_REST = 64 * MIB
"""For WORK, TIMERS, CONFIG and LIMITS, which have no limit of their own."""
REFUSALS_BYTES = 32 * MIB
"""They wait here only until they are in Postgres; a flood of them loses its oldest."""
NANOS = 1_000_000_000
TICKS_OF_EACH = 20_000
"""Messages of one schedule in TICKS: history that Postgres has not taken over by then is lost, and nothing else."""
STORE_NOT_MADE = 10049  # the server could not make the folder of a new stream


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much the streams may hold; a server with less room gets smaller ones."""

    events_bytes: int = 8192 * MIB
    logs_bytes: int = 8192 * MIB
    values_bytes: int = 8192 * MIB
    logs_age: timedelta = timedelta(days=7)
    events_consumers: int = 200
    work_consumers: int = 6000
    """Three for each queue: the server's own default ends at 1000."""


def streams(replicas: int = 1, limits: Limits = Limits()) -> dict[str, dict[str, Any]]:  # noqa: B008 - it is frozen
    """The settings of each stream, by name, in the order to make them."""
    everywhere: dict[str, Any] = {"storage": "file", "num_replicas": replicas, "allow_direct": True}
    derived: dict[str, Any] = {**everywhere, **({"persist_mode": "async"} if replicas == 1 else {})}
    return {
        subjects.EVENTS: {
            "name": subjects.EVENTS, "subjects": [subjects.ALL_EVENTS], **everywhere, "retention": "limits",
            "discard": "new", "max_age": 0, "max_bytes": limits.events_bytes, "allow_atomic": True,
            "max_consumers": limits.events_consumers, "republish": _republish(subjects.ALL_EVENTS),
        },
        subjects.TIMERS: {
            "name": subjects.TIMERS, "subjects": [subjects.ALL_TIMERS, subjects.ALL_DUE], **everywhere,
            "retention": "workqueue", "max_age": 0, "max_bytes": -1, "allow_msg_schedules": True,
        },
        subjects.WORK: {
            "name": subjects.WORK, "subjects": [subjects.ALL_HINTS], **derived, "retention": "workqueue",
            "max_age": 0, "max_bytes": -1, "max_consumers": limits.work_consumers,
            "sources": [
                _source(subjects.EVENTS, subjects.WAKE_EVENTS, subjects.WAKE_TO_WORK),
                _source(subjects.TIMERS, subjects.ALL_DUE, subjects.DUE_TO_WORK),
            ],
        },
        subjects.LOGS: {
            "name": subjects.LOGS, "subjects": [subjects.ALL_LOGS], **derived, "retention": "limits",
            "discard": "old", "max_age": int(limits.logs_age.total_seconds()) * NANOS,
            "max_bytes": limits.logs_bytes, "compression": "s2", "republish": _republish(subjects.ALL_LOGS),
        },
        subjects.VALUES: {
            "name": subjects.VALUES, "subjects": [subjects.ALL_CHUNKS, subjects.ALL_OBJECTS], **everywhere,
            "retention": "limits", "discard": "new", "max_age": 0, "max_bytes": limits.values_bytes,
        },
        subjects.CONFIG: {
            "name": subjects.CONFIG, "subjects": [subjects.ALL_CONFIG], **everywhere, "retention": "limits",
            "discard": "new", "max_age": 0, "max_bytes": -1, "republish": _republish(subjects.ALL_CONFIG),
        },
        subjects.AUDIT: {
            "name": subjects.AUDIT, "subjects": [subjects.ALL_AUDIT], **everywhere, "retention": "limits",
            "discard": "old", "max_age": 0, "max_bytes": REFUSALS_BYTES,
        },
        subjects.TICKS: {
            "name": subjects.TICKS, "subjects": [subjects.ALL_TICKS], **everywhere, "retention": "limits",
            "discard": "old", "max_age": 0, "max_bytes": -1, "max_msgs_per_subject": TICKS_OF_EACH,
        },
        subjects.LIMITS: {
            "name": subjects.LIMITS, "subjects": [subjects.ALL_LIMITS], **everywhere, "retention": "limits",
            "discard": "old", "max_age": 0, "max_bytes": -1, "max_msgs_per_subject": 1, "allow_msg_ttl": True,
        },
    }  # fmt: skip


def _republish(subject: str) -> dict[str, str]:
    return {"src": subject, "dest": subjects.echo(subject)}


def _source(stream: str, src: str, dest: str) -> dict[str, Any]:
    return {"name": stream, "subject_transforms": [{"src": src, "dest": dest}]}


async def ensure(
    connection: Connection,
    *,
    replicas: int = 1,
    limits: Limits | None = None,
    work_from: int | None = None,
    patience: float = 30.0,
) -> None:
    """Make what is missing; what is there stays as it is (`verify` says whether it is right).

    A WORK that has to be made again starts at EVENTS sequence `work_from`, or at the first one: a stale hint costs
    little, a missing one strands its execution. Raises Misconfigured, and Unavailable where JetStream does not answer
    for `patience` seconds, as a cluster does while it elects.
    """
    end, limits = time.monotonic() + patience, limits or Limits()
    while True:
        try:
            return await _ensure(connection, replicas, limits, work_from)
        except Unavailable:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.2)
        except NoRoom:
            # A cluster notices late that the room of a deleted stream is free again: ask for less, and not at once.
            if time.monotonic() > end:
                raise
            limits = _halved(limits)
            await asyncio.sleep(1.0)


async def _ensure(connection: Connection, replicas: int, limits: Limits, work_from: int | None) -> None:
    missing = [name for name in streams() if await info(connection, name) is None]
    if {subjects.EVENTS, subjects.LOGS, subjects.VALUES} & set(missing):
        limits = await _that_fit(connection, limits, replicas, missing)
    if subjects.EVENTS in missing and subjects.WORK not in missing:
        # The place WORK has reached in an older EVENTS means nothing in a new one.
        await _delete(connection, subjects.WORK)
        missing.append(subjects.WORK)
    wanted = streams(replicas, limits)
    if work_from is not None:
        wanted[subjects.WORK]["sources"][0]["opt_start_seq"] = work_from
    # What is granted names a sequence of LIMITS, which may only grow: one that is made again begins above all others.
    wanted[subjects.LIMITS]["first_seq"] = time.time_ns() // 1000
    for name in [name for name in wanted if name in missing]:
        await _make(connection, wanted[name])
    if {subjects.EVENTS, subjects.LIMITS} <= set(missing):
        await _mark_complete(connection)
    await _keep_first(connection)
    if subjects.WORK in missing:
        await warm(connection)


async def _mark_complete(connection: Connection) -> None:
    """Where there are no executions yet, the keys of limits need not be rebuilt from them."""
    subject = subjects.limit(MARK[0], ids.limit_id(MARK[1]))
    state = msgspec.json.encode(mark(COMPLETE, datetime.now(UTC)))
    try:
        await fenced.put(connection, subjects.LIMITS, subject, state, 0)
    except FenceLost:
        return


async def _keep_first(connection: Connection) -> None:
    """Put something before all hints that no worker takes.

    A consumer that stands at the very beginning of its stream counts all subjects at each pull: with 130,000 hints
    waiting, 7.7 ms of the server's time for each one taken singly, against 0.1 ms behind this message (measured).
    """
    try:
        await fenced.put(connection, subjects.WORK, subjects.FIRST_HINT, b"{}", 0)
    except FenceLost:
        return


async def _that_fit(connection: Connection, limits: Limits, replicas: int, missing: list[str]) -> Limits:
    """These limits, halved as often as the server lacks the room; found out by a scratch stream of that size."""
    while True:
        # One may be left of a start that was cut off.
        await _delete(connection, SCRATCH)
        together = ROOM_FOR_REST
        together += limits.events_bytes if subjects.EVENTS in missing else 0
        together += limits.logs_bytes if subjects.LOGS in missing else 0
        together += limits.values_bytes if subjects.VALUES in missing else 0
        scratch: dict[str, Any] = {
            "name": SCRATCH, "subjects": ["onward.room"], "storage": "file", "num_replicas": replicas,
            "max_bytes": together,
        }  # fmt: skip
        try:
            await _make(connection, scratch)
        except NoRoom as full:
            if min(limits.events_bytes, limits.logs_bytes, limits.values_bytes) // 2 < SMALLEST:
                raise Misconfigured(str(full), fix="give JetStream more max_file, or more disk") from full
            limits = _halved(limits)
        else:
            await _delete(connection, SCRATCH)
            return limits


def _halved(limits: Limits) -> Limits:
    # The log and the lines come first: most installations have few large values.
    if limits.values_bytes > ENOUGH_FOR_VALUES:
        return msgspec.structs.replace(limits, values_bytes=limits.values_bytes // 2)
    events, logs = max(SMALLEST, limits.events_bytes // 2), max(SMALLEST, limits.logs_bytes // 2)
    values = max(SMALLEST, limits.values_bytes // 2)
    return msgspec.structs.replace(limits, events_bytes=events, logs_bytes=logs, values_bytes=values)


class NoRoom(Misconfigured):
    """The server has less room than asked for."""


async def _make(connection: Connection, settings: dict[str, Any]) -> None:
    try:
        await call(connection, f"STREAM.CREATE.{settings['name']}", settings, timeout=10)
    except Refused as refused:
        if refused.number == STORE_NOT_MADE:
            # Seen right after a stream of this name was deleted, its folder still being removed.
            raise Unavailable(f"stream {settings['name']}: {refused}", retry_after=1) from refused
        if refused.number in {*NO_ROOM, NO_PEERS}:
            raise NoRoom(f"stream {settings['name']}: {refused}") from refused
        if refused.number != STREAM_EXISTS:
            raise Misconfigured(f"stream {settings['name']} cannot be made: {refused}") from refused


async def _delete(connection: Connection, stream: str) -> None:
    try:
        await call(connection, f"STREAM.DELETE.{stream}", timeout=10)
    except Refused as refused:
        if refused.number != NOT_FOUND_STREAM:
            raise


async def info(connection: Connection, stream: str) -> dict[str, Any] | None:
    """The server's STREAM.INFO, None where there is no such stream."""
    try:
        return await call(connection, f"STREAM.INFO.{stream}")
    except Refused as refused:
        if refused.number == NOT_FOUND_STREAM:
            return None
        raise


async def warm(connection: Connection, timeout: float = 15.0) -> None:
    """Wait until WORK is fed by all its sources: in its first moments hints would be slow. Raises Unavailable."""
    try:
        async with asyncio.timeout(timeout):
            while True:
                found = await info(connection, subjects.WORK)
                sources = (found or {}).get("sources") or []
                if len(sources) == 2 and all(source.get("active", -1) >= 0 for source in sources):
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise Unavailable("WORK is not fed from EVENTS and TIMERS", retry_after=5) from None


async def ensure_queue(
    connection: Connection, project: str, queue: str, *, ack_wait: float = 20.0, max_ack_pending: int = 10_000
) -> None:
    """The three durable consumers of one queue, one for each priority class. Raises Misconfigured where they differ."""
    check_names(project=project, queue=queue)
    for cls in subjects.CLASSES:
        name = subjects.consumer(project, queue, cls)
        await make_consumer(
            connection,
            subjects.WORK,
            name,
            {
                "filter_subject": subjects.hints(project, queue, cls),
                "ack_wait": int(ack_wait * NANOS),
                "max_ack_pending": max_ack_pending,
                "max_waiting": 8192,
            },
        )


async def make_consumer(connection: Connection, stream: str, name: str, settings: dict[str, Any]) -> None:
    """A durable pull consumer with explicit acks that never gives a message up and has no backoff (PROTOCOL H4)."""
    config = {
        "name": name, "durable_name": name, "ack_policy": "explicit", "deliver_policy": "all",
        "replay_policy": "instant", "max_deliver": -1, **settings,
    }  # fmt: skip
    body = {"stream_name": stream, "action": "create", "config": config}
    try:
        await call(connection, f"CONSUMER.CREATE.{stream}.{name}", body, timeout=10)
    except Refused as refused:
        if refused.number == CONSUMER_EXISTS:
            raise Misconfigured(
                f"consumer {name} of {stream} has other settings",
                fix=f"delete consumer {name}; nothing that waits in {stream} is lost by it",
            ) from refused
        raise
