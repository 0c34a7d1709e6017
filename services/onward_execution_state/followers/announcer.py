"""Announces each event once more as a core message: what outside subscribers, the board and alerts listen to."""

import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from onward.bus.ports import Raw
from onward.contract import subjects
from onward.contract.ids import NAME

log = logging.getLogger(__name__)

Publish = Callable[[str, bytes], Awaitable[None]]


class _Gist(msgspec.Struct):
    """What the subject of an announcement is made of."""

    type: str
    routes: tuple[str, ...]


_gist = msgspec.json.Decoder(_Gist)


class Announcer:
    """A follower of EVENTS; an event that comes again is announced again."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish

    async def __call__(self, batch: Sequence[Raw]) -> None:
        """Announces these, in order; what has no type that fits a subject is left to the projection's quarantine."""
        for raw in batch:
            if (subject := live_subject(raw)) is not None:
                await self._publish(subject, raw.data)


def live_subject(raw: Raw) -> str | None:
    """Where an event is announced; None for what is no event."""
    try:
        gist = _gist.decode(raw.data)
        project, execution_id = subjects.event_owner(raw.subject)
        queue = gist.routes[-1].partition(".")[0]
    except (msgspec.MsgspecError, ValueError, IndexError):
        return None
    if NAME.fullmatch(gist.type) is None or NAME.fullmatch(queue) is None:
        return None
    return subjects.live(project, gist.type, queue, execution_id)
