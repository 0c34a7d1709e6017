"""What stands in a WORK message: a wake event as EVENTS stored it, or what a timer carried."""

import msgspec

from onward.bus.wire import block, header
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.decide import Hint

ORIGIN = "Onward-Origin"
"""Header of a hint that a follower published because the source was silent: its EVENTS sequence (PROTOCOL H5)."""


class Timer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The event that asked for a timer: its ordinal and its EVENTS sequence; `kind` is that of a deadline."""

    project: str
    execution_id: str
    n: int
    sequence: int
    kind: str | None = None


class Fired(msgspec.Struct, frozen=True):
    """The body of a schedule, and of the hint it becomes."""

    timer: Timer


_fired = msgspec.json.Decoder(Fired)


def hint_of(subject: str, ack_subject: str, headers: bytes, data: bytes) -> Hint:
    """The hint in a message of WORK. Raises ValueError (msgspec's errors are) where it makes no sense."""
    _, _, project, queue, cls, execution_id = subject.split(".")
    floor, fired, submitted = 0, None, None
    if data.startswith(b'{"timer"'):
        timer = _fired.decode(data).timer
        n = fired = timer.n
        floor, names = timer.sequence, (timer.project, timer.execution_id)
    else:
        event = ev.decode(data)
        n, floor, names = event.n, origin_of(headers), (event.project, event.execution_id)
        if isinstance(event, ev.Submitted) and event.n == 1:
            submitted = event
    if names != (project, execution_id):
        raise ValueError(f"the body is about {names}")
    return Hint(
        project=project,
        execution_id=execution_id,
        route=f"{queue}.{cls}",
        work_sequence=work_sequence(ack_subject),
        ack_subject=ack_subject,
        n=n,
        floor=floor,
        fired=fired,
        submitted=submitted,
    )


def origin_of(headers: bytes) -> int:
    """The EVENTS sequence a hint comes from."""
    source = header(headers, b"Nats-Stream-Source")
    if source is not None:
        stream, sequence = source.split(" ", 2)[:2]
        return int(sequence) if stream == subjects.EVENTS else 0
    return int(header(headers, ORIGIN.encode()) or 0)


def work_sequence(ack_subject: str) -> int:
    """The WORK sequence in an ack subject, of the first format or the second (server 2.16). Raises ValueError."""
    tokens = ack_subject.split(".")
    if len(tokens) < 9:
        raise ValueError(f"{ack_subject[:80]!r} is no ack subject")
    return int(tokens[5] if len(tokens) == 9 else tokens[7])


def consumer_of(ack_subject: bytes) -> bytes:
    """The consumer in an ack subject, of either format."""
    tokens = ack_subject.split(b".", 7)
    return tokens[3] if ack_subject.count(b".") == 8 else tokens[5]


def stored_at(ack_subject: str) -> float:
    """When WORK stored the hint of an ack subject, in seconds since 1970."""
    return int(ack_subject.split(".")[-2 if ack_subject.count(".") == 8 else -3]) / 1e9


def direct(event: ev.AnyEvent, sequence: int) -> tuple[str, bytes, bytes]:
    """Subject, header block and body of a hint published past the source."""
    route = event.wake or event.routes[-1]
    return (
        subjects.hint(event.project, route, event.execution_id),
        block((ORIGIN, str(sequence))),
        ev.encode(event),
    )
