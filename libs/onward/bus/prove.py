"""Proof that this server keeps what A1 to A3 lean on: its behaviour may change between versions."""

import contextlib
import os

from onward.bus.api import WRONG_SEQUENCE, WRONG_SEQUENCE_IN_FLIGHT, Ack, Refused, ack_decoder, call
from onward.bus.connection import Connection
from onward.bus.topology import NO_PEERS, STORE_NOT_MADE, info
from onward.bus.units import Member, fence_head, send_members
from onward.bus.wire import NO_RESPONDERS
from onward.contract import subjects
from onward.contract.errors import Misconfigured, Unavailable

FENCE = frozenset({WRONG_SEQUENCE, WRONG_SEQUENCE_IN_FLIGHT})
COPIED = ("storage", "num_replicas", "retention", "discard", "allow_atomic", "allow_direct")


async def prove(connection: Connection) -> None:
    """Try the fence on scratch executions, in a stream like EVENTS made for that.

    Raises Misconfigured with the rule that does not hold, Unavailable.
    """
    events = await info(connection, subjects.EVENTS)
    if events is None:
        raise Unavailable(f"there is no stream {subjects.EVENTS}", retry_after=1)
    proof = _Proof(connection, os.urandom(6).hex())
    settings = {key: events["config"][key] for key in COPIED}
    settings |= {"name": proof.stream, "subjects": [f"{proof.root}.>"], "max_bytes": 1024**2}
    try:
        await call(connection, f"STREAM.CREATE.{proof.stream}", settings, timeout=10)
    except Refused as refused:
        if refused.number in {NO_PEERS, STORE_NOT_MADE}:
            # A server of the cluster is away, or has just come back: that says nothing about the rules.
            raise Unavailable(f"the proof has no room yet: {refused}", retry_after=1) from refused
        raise
    try:
        await proof.a1()
        await proof.a2()
        await proof.a3()
    finally:
        with contextlib.suppress(Refused, Unavailable):
            await call(connection, f"STREAM.DELETE.{proof.stream}", timeout=10)


class _Proof:
    def __init__(self, connection: Connection, token: str) -> None:
        self.stream = f"ONWARD_PROOF_{token}"
        self.root = f"onward.proof.{token}"
        self._connection = connection

    async def a1(self) -> None:
        """A fenced append is stored once, whichever subject of its execution it names."""
        first = _stored("A1: a create", await self._append(self._member("a", "wake.q", 0)))
        _refused("A1: a second create", await self._append(self._member("a", "e", 0)))
        _stored("A1: an append to the tail", await self._append(self._member("a", "e", first)))
        _refused("A1: an append behind the tail", await self._append(self._member("a", "wake.q", first)))

    async def a2(self) -> None:
        """A decision of two events is stored whole or not at all, every member under one expectation."""
        first = _stored("A2: a create", await self._append(self._member("b", "wake.q", 0)))
        decision = (self._member("b", "e", first), self._member("b", "wake.q", first))
        last = _stored("A2: a decision of two events", await self._append(*decision))
        if last != first + 2:
            raise Misconfigured(f"A2: a decision of two events took sequence {first} to {last}")
        _refused("A2: a decision sent again", await self._append(*decision))
        await self._expect_tail("A2: a refused decision", last)

    async def a3(self) -> None:
        """One stale decision in a batch keeps all of it out."""
        one = _stored("A3: a create", await self._append(self._member("c", "e", 0)))
        _stored("A3: an append", await self._append(self._member("c", "e", one)))
        tail = await self._tail()
        fresh, stale = self._member("d", "e", 0), self._member("c", "e", one)
        _refused("A3: a batch with a stale decision", await self._append(fresh, stale))
        await self._expect_tail("A3: a refused batch", tail)
        _stored("A3: the other decision", await self._append(fresh))

    def _member(self, execution: str, rest: str, expected: int) -> Member:
        head = fence_head(f"{self.root}.{execution}.>", expected)
        return f"{self.root}.{execution}.{rest}".encode(), head, b"{}"

    async def _append(self, *members: Member) -> Ack:
        reply, future = self._connection.expect(5.0)
        send_members(self._connection, list(members), reply)
        answer = await future
        if answer.status == NO_RESPONDERS:
            raise Unavailable("the scratch stream does not answer", retry_after=1)
        return ack_decoder.decode(answer.data)

    async def _tail(self) -> int:
        found = await info(self._connection, self.stream)
        return int(found["state"]["last_seq"]) if found else 0

    async def _expect_tail(self, what: str, last: int) -> None:
        found = await self._tail()
        if found != last:
            raise Misconfigured(f"{what} left something behind: {found} follows {last}", fix=_FIX)


_FIX = "run the nats-server version that this release was tried with"


def _stored(what: str, ack: Ack) -> int:
    if ack.error is not None:
        raise Misconfigured(f"{what} is refused: {ack.error.description}", fix=_FIX)
    return ack.seq


def _refused(what: str, ack: Ack) -> None:
    if ack.error is None:
        raise Misconfigured(f"{what} is stored, and must not be", fix=_FIX)
    if ack.error.err_code not in FENCE:
        raise Misconfigured(f"{what} is refused for another reason: {ack.error.description}", fix=_FIX)
