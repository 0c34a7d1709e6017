"""`GET /api/v1/events`: what happens in a project, as NDJSON or server-sent events, or a page of it as JSON."""

import asyncio
import contextlib
from typing import Any

import msgspec
from litestar import Request, get
from litestar.types import ASGIApp

from onward.contract.errors import InvalidParameter, OnwardError
from onward.contract.submission import PAGE
from onward.contract.watching import EventQuery, Where, check_where, wants, where_of
from onward.http.answer import Answer, json_answer
from onward.http.auth import until_revoked
from onward.http.call import call_of
from onward.http.query import read_query
from onward_log_relay.clients import SlowClient, at_pace, first_of, let_speak, until_closing
from onward_log_relay.event_formats import EventFormat, EventSourceEvents, NdjsonEvents
from onward_log_relay.feed import Place
from onward_log_relay.folding import Happening
from onward_log_relay.logs import accepted
from onward_log_relay.relay import Relay, relay_of

IDLE_SECONDS = 15.0
SEARCH_SECONDS = 2.0
"""How long one page is searched for; the next one goes on."""
_FORMATS: dict[str, type[EventFormat]] = {
    "application/x-ndjson": NdjsonEvents,
    "application/ndjson": NdjsonEvents,
    "text/event-stream": EventSourceEvents,
}


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events, oldest first; `next_after` is null when there are no more just now, `position` is how far this looked."""

    items: list[msgspec.Raw]
    next_after: int | None
    position: int


@get("/api/v1/events")
async def events(request: Request[Any, Any, Any]) -> ASGIApp:
    """The events of the caller's project."""
    relay, call = relay_of(request.scope), call_of(request.scope)
    query = read_query(request.scope["query_string"], EventQuery)
    where = where_of(query)
    check_where(where)
    format = accepted(
        call.headers.get(b"accept", b"*/*").decode("latin-1"),
        _FORMATS,
        follow=query.follow,
        otherwise=NdjsonEvents,
    )
    after = query.after
    if format is EventSourceEvents and (seen := call.headers.get(b"last-event-id", b"")).isdigit():
        after = int(seen)
    if format is None:
        return await _page(relay, call.who.project, where, after or 0, query.limit or PAGE)
    after = after if query.follow or after is not None else 0
    return EventStream(relay, call.who.project, where, after, format(), query.limit, follow=query.follow)


async def _page(relay: Relay, project: str, where: Where, after: int, limit: int) -> Answer:
    if limit > PAGE:
        raise InvalidParameter(f"limit: a page has at most {PAGE} events", fix="ask for NDJSON to get more")
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SEARCH_SECONDS
    items: list[msgspec.Raw] = []
    async with relay.feed.watched() as feed:
        place = await Place.at(feed, project, after)
        upto: int | None = place.position
        while len(items) < limit and loop.time() < deadline:
            found = await place.ready()
            if found is None:
                upto = None
                break
            wanted = _wanted(where, found)[: limit - len(items)]
            items += [msgspec.Raw(one.shown()) for one in wanted]
            upto = wanted[-1].position if wanted and len(items) == limit else place.position
        reached = place.position if upto is None else upto
    relay.events_sent.add(len(items), via="page")
    return json_answer(EventPage(items=items, next_after=upto, position=reached))


def _wanted(where: Where, found: list[Happening]) -> list[Happening]:
    return [one for one in found if wants(where, one.event, one.after)]


class EventStream:
    """The streamed answer; a plain ASGI application."""

    def __init__(  # noqa: PLR0917 - what was asked for, in the order of the question
        self,
        relay: Relay,
        project: str,
        where: Where,
        after: int | None,
        format: EventFormat,
        limit: int | None,
        *,
        follow: bool,
    ) -> None:
        self._relay, self._project, self._where = relay, project, where
        self._after, self._format, self._left, self._follow = after, format, limit, follow
        self._reached = after or 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Streams until the client leaves, or either side has to stop."""
        paced = at_pace(send, self._relay.settings.stall_seconds)
        authorization = call_of(scope).headers.get(b"authorization")
        with self._relay.load.parking():
            async with self._relay.feed.watched() as feed:
                place = await Place.at(feed, self._project, self._after)
                self._reached = place.position
                headers = [
                    (b"content-type", self._format.media_type),
                    (b"cache-control", b"no-store"),
                    (b"x-content-type-options", b"nosniff"),
                    (b"x-accel-buffering", b"no"),
                    (b"onward-position", b"%d" % place.position),
                ]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                try:
                    await first_of(
                        self._pump(place, paced),
                        _gone(receive),
                        until_closing(self._relay.closing),
                        until_revoked(self._relay.keys, authorization),
                    )
                except OnwardError as error:
                    await self._cut(scope, send, error)

    async def _pump(self, place: Place, send: Any) -> None:
        said = asyncio.get_running_loop().time()
        while self._left is None or self._left > 0:
            found = await place.next(IDLE_SECONDS) if self._follow else await place.ready()
            if found is None and not self._follow:
                break
            wanted = _wanted(self._where, found or [])
            if self._left is not None:
                wanted = wanted[: self._left]
                self._left -= len(wanted)
            body = self._format.events(wanted)
            now = asyncio.get_running_loop().time()
            if not body and now - said >= IDLE_SECONDS:
                body = self._format.idle(place.position)
            if body:
                said = now
                await send({"type": "http.response.body", "body": body, "more_body": True})
            self._relay.events_sent.add(len(wanted), via="http")
            self._reached = wanted[-1].position if self._left == 0 else place.position
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _cut(self, scope: Any, send: Any, error: OnwardError) -> None:
        """The last message says that the stream goes on, and from where."""
        if isinstance(error, SlowClient):
            self._relay.slow.add(via="http")
            let_speak(scope)
        body = self._format.cut(error, self._reached)
        with contextlib.suppress(SlowClient):
            await at_pace(send, 1.0)({"type": "http.response.body", "body": body, "more_body": False})


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
