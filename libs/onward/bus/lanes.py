"""One lane is one queue and class: what its consumer was asked for and still owes."""

import asyncio
import random
import time

from onward.bus.connection import Connection
from onward.bus.wire import HEARTBEAT, NO_MESSAGES, TIMED_OUT
from onward.contract import subjects

STANDING_SECONDS = 30
HEARTBEAT_SECONDS = 5
PROBE_SECONDS = 2.0
_STANDING = b'{"batch":1,"expires":%d,"idle_heartbeat":%d}' % (
    STANDING_SECONDS * 1_000_000_000,
    HEARTBEAT_SECONDS * 1_000_000_000,
)


class Lane:
    """A probe takes what is there now; a standing pull waits for the next one.

    While a standing pull is out, the consumer has nothing: it would have answered with it. So no probe is needed then.
    """

    def __init__(self, connection: Connection, project: str, queue: str, rank: int, place: int) -> None:
        self.rank = rank
        self.queue = queue
        self.place = place
        self.consumer = subjects.consumer(project, queue, subjects.CLASSES[rank])
        self.trouble = ""
        self._connection = connection
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{subjects.WORK}.{self.consumer}"
        self._round = 0
        self._left = 0
        self._probing: asyncio.Future[None] | None = None
        self._standing_until = 0.0
        self._blocked_until = 0.0

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to ask now: a standing pull is out, or the consumer refused a moment ago."""
        now = time.monotonic()
        return now < self._standing_until or now < self._blocked_until

    @property
    def ask_at(self) -> float:
        """When it has to be asked again, at the latest."""
        return max(self._standing_until, self._blocked_until)

    async def probe(self, inbox: str, most: int) -> None:
        """Ask for what is there, and return when it has come. Where nothing is left, a standing pull stays behind."""
        self._round += 1
        self._left = most
        self._probing = asyncio.get_running_loop().create_future()
        body = b'{"batch":%d,"no_wait":true}' % most
        self._connection.send(self._next, body, reply=f"{inbox}.{self.rank}.{self.consumer}.{self._round}")
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._probing
        except TimeoutError:
            self.block("no answer")
        finally:
            empty, self._left, self._probing = self._left > 0, 0, None
        if empty and not self.quiet and self._connection.connected:
            self._round += 1
            self._connection.send(
                self._next, _STANDING, reply=f"{inbox}.{self.rank}.{self.consumer}.{self._round}"
            )
            self._standing_until = time.monotonic() + 2 * HEARTBEAT_SECONDS + 1

    def delivered(self) -> None:
        """A hint came."""
        if self._probing is None:
            self._standing_until = 0.0
            return
        self._left -= 1
        if self._left <= 0:
            self.end_probe()

    def told(self, status: int, round_: int, headers: bytes) -> bool:
        """A status came; whether something has to be asked anew."""
        if round_ != self._round:
            return False
        if status == HEARTBEAT:
            self._standing_until = time.monotonic() + 2 * HEARTBEAT_SECONDS + 1
            return False
        self._standing_until = 0.0
        if status not in {NO_MESSAGES, TIMED_OUT}:
            self.block(headers[9:80].split(b"\r\n")[0].decode(errors="replace"))
        self.end_probe()
        return True

    def block(self, trouble: str) -> None:
        """Ask nothing of it for a moment."""
        self.trouble = trouble
        self._blocked_until = time.monotonic() + random.uniform(0.1, 0.5)

    def end_probe(self) -> None:
        """The probe has got all it will get."""
        if self._probing is not None and not self._probing.done():
            self._probing.set_result(None)

    def lost(self) -> None:
        """The connection is gone, and with it all that was asked for."""
        self._standing_until = self._blocked_until = 0.0
        self.end_probe()
