"""Who waits for which limits, told by the keeper that has them in its lines."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec

from onward.bus.limit_keeper import LimitKeeper
from onward.bus.limit_line import Waiter
from onward.bus.ports import Messages
from onward.contract import subjects
from onward.contract.limit import LimitPolicy
from onward.contract.limits import Blocked, Holder

QUERY = subjects.ask("limits", "line")
MOST_TOLD = 200
MOST_HOLDERS = 3
"""Holders of a key that are told to who waits for it."""
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
    """When its rate has a token for it, if those before it take theirs."""
    ahead: int = 0
    """How many are before it in the line."""
    holders: tuple[Holder, ...] = ()
    """Who holds the key, the oldest first: some of them."""
    held: int = 0
    """How many hold it."""


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
    return Waiting(
        execution_id=waiter.id, since=waiter.who.since, priority=waiter.who.priority,
        blocked_by=tuple(
            _blocked(keeper, waiter, limit) for limit in waiter.who.limits if _blocks(keeper, waiter, limit)
        ),
    )  # fmt: skip


def _blocks(keeper: LimitKeeper, waiter: Waiter, limit: LimitPolicy) -> bool:
    return (
        _why(waiter, limit.key) is not None or keeper.lines.place_of((waiter.project, limit.key), waiter) > 0
    )


def _blocked(keeper: LimitKeeper, waiter: Waiter, limit: LimitPolicy) -> BlockedBy:
    key = (waiter.project, limit.key)
    ahead, own = keeper.lines.place_of(key, waiter), _why(waiter, limit.key)
    # Who is behind others waits for what the first of them waits for.
    why = own or next((found for first in keeper.lines.of(key) if (found := _why(first, limit.key))), None)
    known, holders = why.limit if why else limit, keeper.holders(key)
    return BlockedBy(
        key=limit.key, because=own.because if own else "behind", max=known.max, rate=known.rate, per=known.per,
        until=_turn(why, ahead), ahead=ahead, holders=holders[:MOST_HOLDERS], held=len(holders),
    )  # fmt: skip


def _turn(why: Blocked | None, ahead: int) -> datetime | None:
    """When a rate has a token for who has so many before it."""
    if why is None or why.until is None:
        return None
    return why.until + timedelta(seconds=ahead * why.limit.per / (why.limit.rate or 1))


def _why(waiter: Waiter, key: str) -> Blocked | None:
    return next((why for why in waiter.blocked if why.limit.key == key), None)
