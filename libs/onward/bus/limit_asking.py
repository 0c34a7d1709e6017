"""Who waits for which limits, told by the keeper that has them in its lines."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from onward.bus.limit_keeper import LimitKeeper
from onward.bus.limit_line import Waiter
from onward.bus.ports import Messages
from onward.contract import subjects
from onward.contract.limits import Holder

QUERY = subjects.ask("limits", "line")
MOST_TOLD = 200
ASK_SECONDS = 1.0


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """About one execution, or about all that wait for a key."""

    project: str
    execution_id: str | None = None
    key: str | None = None


class BlockedBy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One limit that does not let an execution go on."""

    key: str
    because: str
    """`max`, `rate`, or `behind` others that wait for it."""
    max: int | None = None
    rate: int | None = None
    per: float = 1.0
    until: datetime | None = None
    """When the rate has its next token."""
    ahead: int = 0
    """How many are before it in the line."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One execution that waits for limits."""

    execution_id: str
    since: datetime
    priority: int = 5
    blocked_by: tuple[BlockedBy, ...] = ()


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who waits, the first ones first; `total` counts all of them."""

    waiting: tuple[Waiting, ...] = ()
    total: int = 0
    holders: tuple[Holder, ...] = ()
    """Who holds the key that was asked about."""


_question = msgspec.json.Decoder(Question)
_line = msgspec.json.Decoder(Line)


async def serve(messages: Messages, keeper: LimitKeeper) -> Callable[[], Awaitable[None]]:
    """Answer from now on; a keeper that does not have what is asked about stays silent."""

    async def answer(_subject: str, data: bytes) -> bytes | None:
        asked = _question.decode(data)
        found = _found(keeper, asked)
        if asked.key is not None:
            state = await keeper.state(asked.project, asked.key)
            found = msgspec.structs.replace(found, holders=state.holders[:MOST_TOLD])
        elif not found.total:
            return None
        return msgspec.json.encode(found)

    return await messages.subscribe(QUERY, answer)


async def line(messages: Messages, question: Question) -> Line:
    """What the keeper says; an empty line where nothing waits, or no keeper runs. Raises Unavailable."""
    reply = await messages.ask(QUERY, msgspec.json.encode(question), timeout=ASK_SECONDS)
    return Line() if reply is None else _line.decode(reply)


def _found(keeper: LimitKeeper, asked: Question) -> Line:
    if asked.execution_id is not None:
        waiter = keeper.lines.waiting.get(asked.execution_id)
        return Line() if waiter is None else Line(waiting=(_told(keeper, waiter),), total=1)
    waiters = list(keeper.lines.of((asked.project, asked.key or "")))
    return Line(waiting=tuple(_told(keeper, waiter) for waiter in waiters[:MOST_TOLD]), total=len(waiters))


def _told(keeper: LimitKeeper, waiter: Waiter) -> Waiting:
    blocked = {why.limit.key: why for why in waiter.blocked}
    told = []
    for limit in waiter.who.limits:
        ahead, why = keeper.lines.place_of((waiter.project, limit.key), waiter), blocked.get(limit.key)
        if why is None and not ahead:
            continue
        known = limit if why is None else why.limit
        told.append(
            BlockedBy(
                key=limit.key, because="behind" if why is None else why.because, max=known.max, rate=known.rate,
                per=known.per, until=None if why is None else why.until, ahead=ahead,
            )
        )  # fmt: skip
    return Waiting(
        execution_id=waiter.id, since=waiter.who.since, priority=waiter.who.priority, blocked_by=tuple(told)
    )
