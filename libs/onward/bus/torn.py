"""A decision of which only a part had reached the disk when the power went: taken back before anybody reads it.

A server alone keeps the members of a batch aside until its commit is through, and finishes from there what a crash has
cut short. Where that place is in memory (docs/adr/0021), a power cut takes it away, and the end of EVENTS may hold the
first events of a decision without the others, which nobody was told of (PROTOCOL A2).
"""

import base64

from onward.bus.api import NOT_FOUND_MESSAGE, Refused, call
from onward.bus.connection import Connection
from onward.bus.units import FOLLOWS
from onward.bus.wire import number
from onward.contract import subjects


async def mend_end(connection: Connection) -> list[int]:
    """Removes what is torn at the end of EVENTS; its sequences, newest first. Only while nobody appends.

    Newest first, so that a crash in here leaves something that is still seen to be torn.
    """
    removed: list[int] = []
    behind: tuple[int, tuple[str, str]] | None = None
    while (last := await _last(connection)) is not None:
        sequence, subject, follows = last
        this = follows, subjects.event_owner(subject)
        if not (follows if behind is None else this == (behind[0] + 1, behind[1])):
            break
        await call(connection, f"STREAM.MSG.DELETE.{subjects.EVENTS}", {"seq": sequence, "no_erase": True})
        removed.append(sequence)
        behind = this
    return removed


async def _last(connection: Connection) -> tuple[int, str, int] | None:
    """Sequence, subject and FOLLOWS of the last event there is."""
    try:
        answer = await call(
            connection, f"STREAM.MSG.GET.{subjects.EVENTS}", {"last_by_subj": subjects.ALL_EVENTS}, timeout=30
        )
    except Refused as refused:
        if refused.number == NOT_FOUND_MESSAGE:
            return None
        raise
    message = answer["message"]
    headers = base64.b64decode(message.get("hdrs", ""))
    return message["seq"], message["subject"], number(headers, FOLLOWS)
