"""One message after the one with a known sequence of the same subject: how LOGS, CONFIG and LIMITS are written."""

import asyncio
import random
import time

from onward.bus.api import NO_ROOM, WRONG_SEQUENCE, WRONG_SEQUENCE_IN_FLIGHT, Problem, ack_decoder
from onward.bus.connection import REQUEST_SECONDS, Connection, NotConnected
from onward.bus.pages import ask, raw_of
from onward.bus.ports import Raw
from onward.bus.wire import NO_MESSAGES, NO_RESPONDERS, block
from onward.contract.errors import FenceLost, StoreFull, Unavailable

DEADLINE = 5.0
PATIENCE = 1.0


async def put(  # noqa: PLR0917 - what stands on the wire, in its order
    connection: Connection, stream: str, subject: str, data: bytes, expected: int,
    more: tuple[tuple[str, str], ...] = (),
) -> int:  # fmt: skip
    """Store `data` after sequence `expected` (0: the first of its subject); its sequence.

    Raises FenceLost, StoreFull, Unavailable (outcome unknown to the end).
    """
    begun = time.monotonic()
    headers = block(("Nats-Expected-Last-Subject-Sequence", str(expected)), *more)
    unknown, tries = False, 0
    while True:
        error: Unavailable
        try:
            reply = await connection.request(subject, data, headers=headers, timeout=REQUEST_SECONDS)
            if reply.status == NO_RESPONDERS:
                raise NotConnected(f"{stream} does not answer: no stream, or no leader yet", retry_after=1)
            ack = ack_decoder.decode(reply.data)
            if ack.error is None:
                return ack.seq
            check_refusal(stream, ack.error, unknown=unknown)
            if unknown and (stored := await _stored_before(connection, stream, subject, data, expected)):
                return stored
            error = Unavailable(f"{stream}: {ack.error.description}", retry_after=1)
        except NotConnected as lost:
            error = lost
        except Unavailable as lost:
            unknown, error = True, lost
        left = begun + (DEADLINE if unknown else PATIENCE) - time.monotonic()
        if left <= 0:
            raise error
        tries += 1
        await asyncio.sleep(random.uniform(0.0, min(0.3, left, 0.005 * 2**tries)))
        await connection.wait_connected(left)


def check_refusal(stream: str, problem: Problem, *, unknown: bool) -> None:
    """Raises FenceLost or StoreFull, where that is certain."""
    if problem.err_code in NO_ROOM:
        raise StoreFull(f"{stream}: {problem.description}", retry_after=30)
    if problem.err_code in {WRONG_SEQUENCE, WRONG_SEQUENCE_IN_FLIGHT} and not unknown:
        last = problem.description.rpartition(" ")[2]
        raise FenceLost(problem.description, floor=int(last) if last.isdigit() else 0)


async def _stored_before(
    connection: Connection, stream: str, subject: str, data: bytes, expected: int
) -> int:
    """The sequence an earlier try was stored under; 0: nobody knows yet. Raises FenceLost."""
    found = (await ask(connection, stream, subject, expected, 1).page()).raws
    if not found:
        return 0
    if found[0].data == data:
        return found[0].sequence
    raise FenceLost("somebody wrote first", floor=found[0].sequence)


async def last(connection: Connection, stream: str, subject: str) -> Raw | None:
    """The newest message of a subject."""
    body = f'{{"last_by_subj":"{subject}"}}'.encode()
    reply = await connection.request(f"$JS.API.DIRECT.GET.{stream}", body)
    if reply.status == NO_MESSAGES:
        return None
    if reply.status:
        raise Unavailable(f"{stream} cannot be read", retry_after=1)
    return raw_of(reply.headers, reply.data)
