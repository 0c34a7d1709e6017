"""The routes of one kind: create, get, list, replace, change, delete."""

from typing import Annotated, Any

import msgspec
from litestar import delete, get, patch, post, put

from onward.contract.resource import Resource
from onward.http.answer import Answer, Headers, json_answer
from onward.http.call import call_of
from onward.http.entrance import body_of
from onward.http.query import read_query
from onward_gateway import paging
from onward_gateway.gateway import gateway_of
from onward_gateway.resources import body
from onward_gateway.resources.acts import Desk, Found, etag, if_match, unreadable
from onward_gateway.resources.kind import Kind
from onward_gateway.resources.shapes import Shapes, shapes_of
from onward_gateway.routes import Door, NoQuery, Operation, describe

_MATCH = ("If-Match",)


class ByName(paging.Paging, frozen=True, kw_only=True):
    """Which part of a list is asked for; only of those whose name has a text."""

    q: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None


def routes_of(kind: Kind) -> list[Any]:
    """All that a kind can be asked."""
    shapes = shapes_of(kind)
    return [_create(shapes), _list(shapes), _get(shapes), _replace(shapes), _change(shapes), _delete(shapes)]


def _create(shapes: Shapes) -> Any:
    kind = shapes.kind

    @post(
        kind.path,
        opt=describe(
            Operation(
                summary=f"Create {kind.a}",
                query=NoQuery,
                body=shapes.shown_new,
                answers={201: shapes.view},
                refuses=(400, 409, 415, 503),
            ),
            scope=kind.scope,
        ),
    )
    async def create(request: Door) -> Answer:
        desk = _desk(request, kind)
        found = await desk.create(body.created(shapes, await _text(request)))
        location = (b"location", f"{kind.path}/{found.spec.name}".encode())
        return await _answer(request, shapes, found, 201, (location,))

    return create


def _list(shapes: Shapes) -> Any:
    kind = shapes.kind

    @get(
        kind.path,
        opt=describe(
            Operation(
                summary=f"List every {kind.kind.replace('-', ' ')}, by name",
                query=ByName,
                answers={200: paging.page_of(shapes.view)},
                refuses=(400,),
            )
        ),
    )
    async def listing(request: Door) -> Answer:
        gateway, who = gateway_of(request), call_of(request.scope).who
        asked = read_query(request.scope["query_string"], ByName)
        known = gateway.known.specs.all(who.project, kind.spec)
        text = (asked.q or "").lower()
        told = {name: str(getattr(spec, kind.known_as)) for name, spec in known.items()}
        told = {**dict.fromkeys(kind.more_names(gateway, who.project), ""), **told}
        names = sorted(name for name, also in told.items() if text in name or text in also.lower())
        part = paging.page(names, asked)
        specs = [known.get(name) or kind.spec(name=name) for name in part.items]
        shown = await shapes.shown(gateway, who, specs)
        return json_answer(paging.Page(items=shown, next_cursor=part.next_cursor))

    return listing


def _get(shapes: Shapes) -> Any:
    kind = shapes.kind

    @get(
        kind.path + "/{name:str}",
        opt=describe(
            Operation(
                summary=f"Get {kind.a}; its ETag is what If-Match takes",
                query=NoQuery,
                answers={200: shapes.view},
                refuses=(400, 404, 503),
            )
        ),
    )
    async def one(request: Door) -> Answer:
        read_query(request.scope["query_string"], NoQuery)
        found = await _desk(request, kind).readable(request.path_params["name"])
        return await _answer(request, shapes, found)

    return one


def _replace(shapes: Shapes) -> Any:
    kind = shapes.kind

    @put(kind.path + "/{name:str}", opt=describe(_changing(shapes, f"Replace {kind.a}"), scope=kind.scope))
    async def replace(request: Door) -> Answer:
        name, wanted = request.path_params["name"], _wanted(request)
        spec = body.replaced(shapes, await _text(request), name)
        found = await _desk(request, kind).change(name, wanted, lambda _: spec)
        return await _answer(request, shapes, found)

    return replace


def _change(shapes: Shapes) -> Any:
    kind = shapes.kind

    @patch(
        kind.path + "/{name:str}",
        opt=describe(
            _changing(shapes, f"Change {kind.a}: a JSON merge patch, null gives a default back"),
            scope=kind.scope,
        ),
    )
    async def change(request: Door) -> Answer:
        name, wanted = request.path_params["name"], _wanted(request)
        text = await _text(request)
        desk = _desk(request, kind)
        found = await desk.change(
            name, wanted, lambda current: body.merged(shapes, text, _known(kind, name, current))
        )
        return await _answer(request, shapes, found)

    return change


def _delete(shapes: Shapes) -> Any:
    kind = shapes.kind

    @delete(
        kind.path + "/{name:str}",
        status_code=200,
        opt=describe(
            Operation(
                summary=f"Delete {kind.a}",
                query=NoQuery,
                answers={204: None},
                headers=_MATCH,
                refuses=(400, 404, 409, 412, 503),
            ),
            scope=kind.scope,
        ),
    )
    async def remove(request: Door) -> Answer:
        read_query(request.scope["query_string"], NoQuery)
        await _desk(request, kind).delete(request.path_params["name"], _wanted(request))
        return Answer(204, b"", ())

    return remove


def _changing(shapes: Shapes, summary: str) -> Operation:
    return Operation(
        summary=summary,
        query=NoQuery,
        body=shapes.shown_other,
        answers={200: shapes.view},
        headers=_MATCH,
        refuses=(400, 404, 409, 412, 415, 503),
    )


def _known(kind: Kind, name: str, current: Resource | None) -> Resource:
    if current is None:
        raise unreadable(kind, name)
    return current


def _desk(request: Door, kind: Kind) -> Desk:
    who = call_of(request.scope).who
    return Desk(gateway_of(request), kind, who.project, who.actor)


def _wanted(request: Door) -> int | None:
    return if_match(call_of(request.scope).headers.get(b"if-match"))


async def _text(request: Door) -> bytes:
    read_query(request.scope["query_string"], NoQuery)
    return await body_of(call_of(request.scope), request.receive)


async def _answer(
    request: Door, shapes: Shapes, found: Found, status: int = 200, headers: Headers = ()
) -> Answer:
    gateway, who = gateway_of(request), call_of(request.scope).who
    (shown,) = await shapes.shown(gateway, who, [found.spec])
    return json_answer(shown, status, ((b"etag", etag(found.sequence)), *headers))
