"""Decisions as the wire carries them: every member of one has the same fence (PROTOCOL A1, A2)."""

import asyncio
import re

import msgspec

from onward.bus.connection import Connection
from onward.bus.names import check_log
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import InvalidName, TooLarge
from onward.contract.log import Decision
from onward.process.fresh import randomness

_SUBJECT = re.compile(r"[A-Za-z0-9_.-]+")
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


FOLLOWS = b"Onward-Follows"
"""How many events of the same decision come after this one; the last has no such header (bus/torn.py reads it)."""

Member = tuple[bytes, bytes, bytes]
"""Subject, header block without its end, payload."""


class Unit(msgspec.Struct, eq=False, kw_only=True):
    """One decision on its way: stored whole or not at all."""

    decision: Decision
    members: list[Member]
    size: int
    outcome: "asyncio.Future[int]"
    deadline: float
    unknown: bool = False
    """Whether it was sent once and nobody knows what became of it (PROTOCOL A5)."""


def fence_head(fence: str, expected: int) -> bytes:
    """The one fence (PROTOCOL A1): a header block without its end."""
    return (
        f"NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: {expected}\r\n"
        f"Nats-Expected-Last-Subject-Sequence-Subject: {fence}\r\n"
    ).encode()


def unit_of(decision: Decision, max_payload: int, outcome: "asyncio.Future[int]", deadline: float) -> Unit:
    """The decision, ready to be sent. Raises TooLarge, InvalidName."""
    check_log(decision.project, decision.execution_id)
    head = fence_head(subjects.fence(decision.project, decision.execution_id), decision.expected)
    members, size = [], 0
    for follows, event in zip(reversed(range(len(decision.events))), decision.events, strict=True):
        subject = subjects.event(decision.project, decision.execution_id, event.wake)
        if _SUBJECT.fullmatch(subject) is None:
            raise InvalidName(f"{subject!r} cannot be a subject", fix="use names of a-z, 0-9, _ and - only")
        data = ev.encode(event)
        traced = event.trace and _TRACE.fullmatch(event.trace)
        headers = b"%btraceparent: %b\r\n" % (head, event.trace.encode()) if traced and event.trace else head
        if follows:
            headers = b"%b%b: %d\r\n" % (headers, FOLLOWS, follows)
        if len(data) + len(headers) + 200 > max_payload:
            raise TooLarge(f"an event of {len(data)} bytes does not fit into one message of {max_payload}")
        members.append((subject.encode(), headers, data))
        size += len(headers) + len(data)
    return Unit(decision=decision, members=members, size=size, outcome=outcome, deadline=deadline)


def send(connection: Connection, units: list[Unit], reply: str) -> None:
    """Send these together (PROTOCOL A4)."""
    if len(units) == 1:
        send_members(connection, units[0].members, reply)
    else:
        send_members(connection, [member for unit in units for member in unit.members], reply)


def send_members(connection: Connection, members: list[Member], reply: str) -> None:
    """Send one event as a plain publish, several as one atomic batch under a new id."""
    post, last = connection.client.post, len(members)
    if last == 1:
        subject, head, data = members[0]
        size, to = len(head) + 2, reply.encode()
        post(b"HPUB %b %b %d %d\r\n%b\r\n%b\r\n" % (subject, to, size, size + len(data), head, data))
        return
    batch = randomness(8).hex().encode()
    for place, (subject, head, data) in enumerate(members, 1):
        more = b"Nats-Batch-Id: %b\r\nNats-Batch-Sequence: %d\r\n" % (batch, place)
        to = b""
        if place == last:
            more += b"Nats-Batch-Commit: 1\r\n"
            to = reply.encode()
        size = len(head) + len(more) + 2
        post(b"HPUB %b %b %d %d\r\n%b%b\r\n%b\r\n" % (subject, to, size, size + len(data), head, more, data))
