"""`GET /api/v1/executions/{id}/logs`: JSON pages, or streams of NDJSON, text or server-sent events."""

import asyncio
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Request, get
from litestar.types import ASGIApp

from onward.contract import ids
from onward.contract.errors import BadRequest, InvalidParameter, NotFound
from onward.contract.submission import PAGE
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_log_relay.formats import EventStream, Format, Ndjson, Text
from onward_log_relay.reader import End, Reader
from onward_log_relay.relay import Relay, relay_of
from onward_log_relay.selection import Selection
from onward_log_relay.stream import LogStream, Wanted

SEARCH_SECONDS = 2.0
"""How long one page is searched for; what it has by then is the page, and the next one goes on."""

T = TypeVar("T")
_JSON = "application/json"
_FORMATS: dict[str, type[Format]] = {
    "application/x-ndjson": Ndjson,
    "application/ndjson": Ndjson,
    "text/event-stream": EventStream,
    "text/plain": Text,
    "text/*": Text,
}


class NotAcceptable(BadRequest):
    """This is not available in any of the accepted types."""

    code = "not_acceptable"
    status = 406


class LogQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines: behind number `after`, or the last `tail`; of a level at least; whose text holds `grep`."""

    follow: bool = False
    after: Annotated[int, msgspec.Meta(ge=0)] | None = None
    tail: Annotated[int, msgspec.Meta(ge=0)] | None = None
    level: Literal["debug", "info", "warning", "error", "critical"] | None = None
    grep: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """Lines, and where the log stands; `next_after` is null when there are no more just now."""

    items: list[msgspec.Raw]
    next_after: int | None
    last_line: int
    levels: dict[str, int]
    dropped: int
    status: str | None


@get("/api/v1/executions/{execution_id:str}/logs")
async def logs(request: Request[Any, Any, Any]) -> ASGIApp:
    """The lines of one execution."""
    call = call_of(request.scope)
    query = read_query(request.scope["query_string"], LogQuery)
    if query.after is not None and query.tail is not None:
        raise InvalidParameter("after and tail exclude each other", fix="leave one of them out")
    accept = call.headers.get(b"accept", b"*/*").decode("latin-1")
    format = accepted(accept, _FORMATS, follow=query.follow, otherwise=Ndjson)
    wanted = Wanted(
        project=call.who.project,
        execution_id=_execution_id(request.path_params["execution_id"]),
        selection=Selection(query.level, query.grep),
        after=query.after or 0,
        tail=query.tail,
        limit=query.limit,
        follow=query.follow,
    )
    if format is None:
        return await _page(relay_of(request.scope), wanted)
    if format is EventStream and (seen := call.headers.get(b"last-event-id", b"")).isdigit():
        wanted = msgspec.structs.replace(wanted, after=int(seen), tail=None)
    return LogStream(relay_of(request.scope), wanted, format())


async def _page(relay: Relay, wanted: Wanted) -> Answer:
    if (wanted.limit or 0) > PAGE:
        raise InvalidParameter(
            f"limit: a page has at most {PAGE} lines", fix="ask for NDJSON to get more at once"
        )
    execution = await relay.execution(wanted.project, wanted.execution_id)
    history = relay.history(wanted.project, wanted.execution_id)
    after = wanted.after if wanted.tail is None else await history.tail(wanted.selection, wanted.tail)
    newest = await history.newest()
    head = newest.head if newest else None
    items, next_after = await _lines(Reader(history, wanted.selection, after), wanted.limit or PAGE)
    if head is not None and next_after is not None and next_after >= head.last:
        next_after = None
    relay.sent.add(len(items), via="page")
    return json_answer(
        LogPage(
            items=items,
            next_after=next_after,
            last_line=head.last if head else 0,
            levels=head.totals if head else {},
            dropped=head.dropped if head else 0,
            status=None if execution is None else execution.status.value,
        )
    )


async def _lines(reader: Reader, most: int) -> tuple[list[msgspec.Raw], int | None]:
    items: list[msgspec.Raw] = []
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SEARCH_SECONDS
    while len(items) < most:
        found = await reader.next()
        if found is None or isinstance(found, End):
            return items, None
        picked = found.at_most(most - len(items))
        items += [msgspec.Raw(line) for _, line in picked.each()]
        if len(items) == most:
            return items, picked.upto
        if loop.time() > deadline:
            break
    return items, reader.line


def accepted(accept: str, formats: dict[str, type[T]], *, follow: bool, otherwise: type[T]) -> type[T] | None:
    """The best of the accepted types; None is a JSON page. Raises NotAcceptable."""
    ranked = sorted((_quality(part) for part in accept.lower().split(",")), key=lambda ranked: -ranked[0])
    for quality, kind in ranked:
        if quality <= 0:
            continue
        if kind in formats:
            return formats[kind]
        if kind in {"*/*", "application/*"}:
            return otherwise if follow else None
        if kind == _JSON:
            if follow:
                raise InvalidParameter(
                    "follow: one JSON value cannot be followed", fix=f"accept {' or '.join(formats)}"
                )
            return None
    raise NotAcceptable(fix=f"accept {_JSON}, {', '.join(formats)}")


def _quality(part: str) -> tuple[float, str]:
    kind, _, parameters = part.partition(";")
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value), kind.strip()
            except ValueError:
                return 0.0, kind.strip()
    return 1.0, kind.strip()


def _execution_id(text: str) -> str:
    if not ids.is_execution_id(text):
        raise NotFound(
            f"{text[:80]!r} is no execution id", fix="give the whole id; the gateway completes prefixes"
        )
    return text
