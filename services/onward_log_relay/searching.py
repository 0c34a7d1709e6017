"""`GET /api/v1/executions/{id}/logs/matches`: where a text stands in the whole log, by line number."""

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, get

from onward.contract import ids
from onward.contract.errors import NotFound
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_log_relay.history import History, Piece
from onward_log_relay.relay import relay_of
from onward_log_relay.selection import Selection

SEARCH_SECONDS = 2.0
"""How long one answer is searched for; the next one goes on where it ends."""
READ_BYTES = 1024 * 1024
"""Of one read: a search does not wait for a reader, so what it holds is soon gone."""
MOST = 10_000
"""The most line numbers in an answer; beyond, they are only counted."""


class MatchQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is looked for: a literal text, behind line `after`, of a level at least."""

    grep: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    case: Literal["same", "any"] = "any"
    level: Literal["debug", "info", "warning", "error", "critical"] | None = None
    after: Annotated[int, msgspec.Meta(ge=0)] = 0


class Matches(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of the lines that hold it; `next_after` is null once the whole log was searched."""

    lines: list[int]
    total: int
    """How many there are between `after` and where this answer ends."""
    next_after: int | None
    last_line: int


@get("/api/v1/executions/{execution_id:str}/logs/matches")
async def matches(request: Request[Any, Any, Any]) -> Answer:
    """Search the log of one execution."""
    who, relay = call_of(request.scope).who, relay_of(request.scope)
    query = read_query(request.scope["query_string"], MatchQuery)
    execution_id = request.path_params["execution_id"]
    if not ids.is_execution_id(execution_id):
        raise NotFound(f"{execution_id[:80]!r} is no execution id")
    await relay.execution(who.project, execution_id)
    selection = Selection(query.level, query.grep, any_case=query.case == "any")
    return json_answer(await search(relay.history(who.project, execution_id), selection, query.after))


async def search(
    history: History, selection: Selection, after: int, seconds: float = SEARCH_SECONDS
) -> Matches:
    """Read what is stored, and look through each part while the next one comes. Raises Unavailable."""
    newest = await history.newest()
    if newest is None or newest.head is None:
        return Matches(lines=[], total=0, next_after=None, last_line=0)
    found, total, line = list[int](), 0, after
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    sequence = await history.find_line(after + 1, newest) if after else 0
    coming = _read(history, sequence)
    try:
        while pieces := await coming:
            coming = _read(history, pieces[-1].sequence)
            for piece in pieces:
                if piece.head is None:
                    continue
                numbers = selection.numbers(piece.head, line)
                found += numbers[: MOST - len(found)]
                total += len(numbers)
                line = max(line, piece.head.last)
            if line < newest.head.last and loop.time() > deadline:
                return Matches(lines=found, total=total, next_after=line, last_line=newest.head.last)
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
    return Matches(lines=found, total=total, next_after=None, last_line=max(line, newest.head.last))


def _read(history: History, sequence: int) -> asyncio.Task[list[Piece]]:
    return asyncio.get_running_loop().create_task(history.after(sequence, enough=READ_BYTES))
