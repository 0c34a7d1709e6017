"""LIMITS over NATS: one message a key, and the hints of those who wait at the gate (PROTOCOL L1)."""

import base64
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

import msgspec

from onward.bus import fenced
from onward.bus.api import NOT_FOUND_CONSUMER, NOT_FOUND_MESSAGE, NOT_FOUND_STREAM, Refused, call
from onward.bus.connection import Connection
from onward.bus.follow import Delivery, Following
from onward.bus.hint_body import hint_of
from onward.bus.pages import ask, rest
from onward.bus.topology import NANOS, make_consumer
from onward.contract import ids, subjects
from onward.contract.decide import Hint
from onward.contract.errors import Unavailable
from onward.contract.limits import KeyState

CONSUMER = "limits"
ACK_WAIT = 600.0
"""Seconds until a hint comes again that a keeper took and no longer renews; one that starts gets all at once."""
MOST_WAITING = 500_000
_BATCH = 500
EMPTY_FOR = "60s"
"""How long the last message of an empty key stays."""

_decoder = msgspec.json.Decoder(KeyState)


class LimitKeys:
    """ports.LimitLog over NATS."""

    def __init__(self, connection: Connection, make: Callable[[], Awaitable[None]] | None = None) -> None:
        """`make` makes the stream again, where it is gone."""
        self._connection, self._make = connection, make

    async def read(self, project: str, key: str) -> tuple[KeyState, int]:
        """See ports.LimitLog.read."""
        subject = subjects.limit(project, ids.limit_id(key))
        try:
            # From the leader: a direct get may answer with the past.
            found = await call(
                self._connection, f"STREAM.MSG.GET.{subjects.LIMITS}", {"last_by_subj": subject}
            )
        except Refused as refused:
            if refused.number == NOT_FOUND_MESSAGE:
                return KeyState(project=project, key=key), 0
            if refused.number != NOT_FOUND_STREAM:
                raise
            if self._make is not None:
                await self._make()
            raise Unavailable(f"there was no stream {subjects.LIMITS}", retry_after=1) from refused
        message = found["message"]
        return _decoder.decode(base64.b64decode(message["data"])), int(message["seq"])

    async def append(self, state: KeyState, expected: int, now: datetime) -> int:
        """See ports.LimitLog.append."""
        subject = subjects.limit(state.project, ids.limit_id(state.key))
        more = (("Nats-TTL", EMPTY_FOR),) if state.empty(now) else ()
        data = msgspec.json.encode(state)
        return await fenced.put(self._connection, subjects.LIMITS, subject, data, expected, more)

    async def all(self) -> list[KeyState]:
        """See ports.LimitLog.all."""
        subject = subjects.ALL_LIMITS
        raws = await rest(self._connection, ask(self._connection, subjects.LIMITS, subject, 0), subject)
        return [_decoder.decode(raw.data) for raw in raws]


class GateHints:
    """The hints of those who wait for their limits, over all projects: ports.GateSource."""

    def __init__(self, connection: Connection, following: Following) -> None:
        self._connection, self._following = connection, following
        self._held: dict[str, Delivery] = {}

    async def take(self, most: int) -> list[Hint]:  # noqa: ARG002 - it comes in batches of its own size
        """See GateSource.take."""
        taken: list[Hint] = []
        while not taken:
            for raw, ack_subject in await self._following.next():
                try:
                    taken.append(hint_of(raw.subject, ack_subject, raw.headers, raw.data))
                except ValueError:
                    self._following.done([(raw, ack_subject)])
                else:
                    self._held[ack_subject] = (
                        msgspec.structs.replace(raw, data=b"", headers=b""),
                        ack_subject,
                    )
        return taken

    async def ack(self, hint: Hint) -> None:
        """See GateSource.ack."""
        if (held := self._held.pop(hint.ack_subject, None)) is not None:
            self._following.done([held])

    async def renew(self, ack_subjects: Iterable[str]) -> None:
        """See GateSource.renew."""
        self._following.renew([self._held[subject] for subject in ack_subjects if subject in self._held])

    async def close(self) -> None:
        """Take no more; what is held is for anybody at once."""
        held, self._held = list(self._held.values()), {}
        await self._following.close(held)


async def open_gate(connection: Connection) -> GateHints:
    """The hints of the gate from the first on: all that waits comes again, whoever had it before."""
    try:
        await call(connection, f"CONSUMER.DELETE.{subjects.WORK}.{CONSUMER}", timeout=10)
    except Refused as refused:
        if refused.number != NOT_FOUND_CONSUMER:
            raise
    settings = {
        "filter_subject": subjects.ALL_GATED, "ack_wait": int(ACK_WAIT * NANOS), "max_ack_pending": MOST_WAITING,
        "max_waiting": 64,
    }  # fmt: skip
    await make_consumer(connection, subjects.WORK, CONSUMER, settings)
    return GateHints(connection, Following(connection, CONSUMER, _BATCH, stream=subjects.WORK))
