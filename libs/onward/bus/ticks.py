"""TICKS: where each schedule is, one fenced message after the other; the newest of a subject says all."""

import contextlib

import msgspec

from onward.bus import fenced, streams
from onward.bus.connection import Connection
from onward.bus.names import check_names
from onward.bus.pages import ask
from onward.bus.ports import Raw
from onward.contract import subjects
from onward.contract.schedules import ScheduleState

_decoder = msgspec.json.Decoder(ScheduleState)
_encode = msgspec.json.encode


class Ticks:
    """ports.Ticks over NATS."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def last(self, project: str, name: str) -> tuple[ScheduleState | None, int]:
        """See ports.Ticks.last."""
        subject = _subject(project, name)
        return state_of(await fenced.last(self._connection, subjects.TICKS, subject))

    async def put(self, project: str, name: str, state: ScheduleState, expected: int) -> int:
        """See ports.Ticks.put."""
        subject = _subject(project, name)
        return await fenced.put(self._connection, subjects.TICKS, subject, _encode(state), expected)

    async def after(self, sequence: int, most: int = 500) -> list[Raw]:
        """See ports.Ticks.after."""
        return (await ask(self._connection, subjects.TICKS, None, sequence, most).page()).raws

    async def incarnation(self) -> str:
        """See ports.Ticks.incarnation."""
        return (await streams.state(self._connection, subjects.TICKS)).incarnation

    async def end(self) -> int:
        """The sequence of the newest message of all. Raises Unavailable."""
        return (await streams.state(self._connection, subjects.TICKS)).last_sequence


def state_of(raw: Raw | None) -> tuple[ScheduleState | None, int]:
    """What a message says, with its sequence; one that nobody can read says nothing."""
    if raw is None:
        return None, 0
    with contextlib.suppress(msgspec.MsgspecError):
        return _decoder.decode(raw.data), raw.sequence
    return None, raw.sequence


def _subject(project: str, name: str) -> str:
    check_names(project=project, schedule=name)
    return subjects.tick(project, name)
