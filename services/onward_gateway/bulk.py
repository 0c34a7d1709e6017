"""/bulk-operations: one command for every execution that a filter finds; previewed, followed, aborted."""

import uuid
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from litestar import get, post

from onward.contract import ids
from onward.contract.bulk import PATH, BulkCommand, BulkItem, BulkPreview, BulkView
from onward.contract.errors import InvalidBody, KeyReused, NotFound
from onward.http import json_text
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.entrance import body_of
from onward.http.problems import FieldError, blaming
from onward.http.query import read_query
from onward_gateway import paging
from onward_gateway.admission import queue_of
from onward_gateway.executions import Filters
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import Door, NoQuery, Operation, describe
from onward_gateway.traced import traced

ONE = PATH + "/{operation_id:str}"
_OF_PAGES = ("cursor", "limit", "min_position")
_command = msgspec.json.Decoder(BulkCommand)


class Items(paging.Paging, frozen=True, kw_only=True):
    """Which items of an operation are shown."""

    outcome: Literal["done", "skipped", "failed", "open"] | None = None


class Operations(msgspec.Struct, frozen=True, kw_only=True):
    """Which operations are shown; newest first."""

    cursor: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


@post(
    PATH,
    opt=describe(
        Operation(
            summary="Do one thing to every execution that a filter finds; with dry_run only count them",
            query=NoQuery,
            body=BulkCommand,
            answers={200: BulkPreview, 202: BulkView},
            refuses=(400, 413, 415, 422, 503),
        ),
        scope="operate",
    ),
)
@traced("onward.bulk")
async def begin(request: Door) -> Answer:
    """Takes down what it finds now, and does it to one after the other, whoever dies meanwhile."""
    gateway, call = gateway_of(request), call_of(request.scope)
    read_query(request.scope["query_string"], NoQuery)
    command = json_text.read(await body_of(call, request.receive), _command)
    project, key = call.who.project, command.idempotency_key
    check_members(command)
    if command.queue is not None:
        queue_of(command.queue, project, gateway.known)
    question = {
        "id": str(uuid.uuid5(uuid.UUID(ids.keyed_id(project, key)), "bulk")) if key else gateway.new_id(),
        "command": command, "filter": {"project": project, **checked(command)}, "actor": call.who.actor,
    }  # fmt: skip
    if command.dry_run:
        return json_answer(await gateway.state.bulk("preview", question, BulkPreview))
    begun: BulkView = await gateway.state.bulk("begin", question, BulkView)
    if (begun.action, begun.filter) != (command.action, command.filter):
        raise KeyReused(f"the key {key!r} was used before, with another body")
    gateway.bulk_begun.set()
    return json_answer(begun, 202)


@get(
    PATH,
    opt=describe(
        Operation(
            summary="Operations on many executions, newest first",
            query=Operations,
            answers={200: paging.page_of(BulkView)},
            refuses=(400, 503),
        )
    ),
)
async def list_operations(request: Door) -> Answer:
    """A page of them."""
    asked = read_query(request.scope["query_string"], Operations)
    return json_answer(await _ask(request, "list", msgspec.to_builtins(asked), paging.page_of(BulkView)))


@get(
    ONE,
    opt=describe(
        Operation(
            summary="How far one operation is",
            query=NoQuery,
            answers={200: BulkView},
            refuses=(400, 404, 503),
        )
    ),
)
async def get_operation(request: Door) -> Answer:
    """Its counts."""
    read_query(request.scope["query_string"], NoQuery)
    return json_answer(await _ask(request, "get", {"id": _id(request)}, BulkView))


@get(
    ONE + "/items",
    opt=describe(
        Operation(
            summary="What became of each execution of one operation, the oldest execution first",
            query=Items,
            answers={200: paging.page_of(BulkItem)},
            refuses=(400, 404, 503),
        )
    ),
)
async def list_items(request: Door) -> Answer:
    """A page of its items."""
    asked = read_query(request.scope["query_string"], Items)
    question = {"id": _id(request), **msgspec.to_builtins(asked)}
    return json_answer(await _ask(request, "items", question, paging.page_of(BulkItem)))


@post(
    ONE + "/abort",
    opt=describe(
        Operation(
            summary="End an operation before it is through; what it has done stays done",
            query=NoQuery,
            answers={200: BulkView},
            refuses=(400, 404, 503),
        ),
        scope="operate",
    ),
)
@traced("onward.bulk_abort")
async def abort(request: Door) -> Answer:
    """Begins no further item; a second time changes nothing."""
    read_query(request.scope["query_string"], NoQuery)
    return json_answer(await _ask(request, "abort", {"id": _id(request)}, BulkView))


ROUTES = [begin, list_operations, get_operation, list_items, abort]


def check_members(command: BulkCommand) -> None:
    """Raises InvalidBody where an action lacks what it needs, or has what it cannot use."""
    for action, member in (("move", "queue"), ("reprioritise", "priority")):
        given = getattr(command, member) is not None
        if given != (command.action == action):
            what = f"{action} needs it" if not given else f"it belongs to {action}"
            raise blaming(InvalidBody(f"/{member}: {what}"), FieldError(f"/{member}", what))


def checked(command: BulkCommand) -> dict[str, Any]:
    """The filter as the list reads it. Raises what the list raises, and InvalidBody where it would mean everything."""
    filters = read_filter(command.filter)
    if not filters and not command.all:
        what = "an empty filter finds every execution"
        raise blaming(
            InvalidBody(f"/filter: {what}", fix="say which, or all: true"), FieldError("/filter", what)
        )
    return filters


def read_filter(given: dict[str, Any]) -> dict[str, Any]:
    """What the list is asked, from the members of a JSON object that have the names of its parameters."""
    for name in _OF_PAGES:
        if name in given:
            raise blaming(
                InvalidBody(f"/filter/{name}: an operation has no pages"),
                FieldError(f"/filter/{name}", "no pages"),
            )
    pairs = [(name, _text(name, each)) for name, value in given.items() for each in _several(value)]
    found: dict[str, Any] = msgspec.to_builtins(read_query(urlencode(pairs).encode(), Filters))
    return {name: value for name, value in found.items() if name not in _OF_PAGES}


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        what = "it is a text, a number, or a list of texts"
        raise blaming(InvalidBody(f"/filter/{name}: {what}"), FieldError(f"/filter/{name}", what))
    return str(value)


def _id(request: Door) -> str:
    text = str(request.path_params["operation_id"])
    if not ids.is_execution_id(text):
        raise NotFound(f"{text[:80]!r} is no id of a bulk operation")
    return text


async def _ask(request: Door, query: str, body: dict[str, Any], kind: Any) -> Any:
    gateway: Gateway = gateway_of(request)
    return await gateway.state.bulk(query, {"project": call_of(request.scope).who.project, **body}, kind)
