"""GET /executions and what belongs to one: read from its log, so never older than what was accepted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import get

from onward.contract import events as ev
from onward.contract import history
from onward.contract.errors import Unavailable
from onward.contract.execution import Execution, Status
from onward.contract.log import Log
from onward.contract.submission import PAGE
from onward.contract.view import ExecutionView, StallView, view
from onward.http.answer import Answer, Headers, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway import large, paging
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import ONE, Door, Operation, describe
from onward_gateway.state import AsOf
from onward_gateway.waiting import Waiting, caller_of, until_ended

Limit = Annotated[int, msgspec.Meta(ge=1, le=PAGE)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

LIVELY = timedelta(seconds=1)
"""What something happened to so lately is not looked at for a stall."""


class Filters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which executions a list shows; newest first."""

    status: tuple[Status, ...] = ()
    agent_id: Text | None = None
    team: Text | None = None
    task: Text | None = None
    queue: Text | None = None
    environment: Text | None = None
    worker: Text | None = None
    parent: Text | None = None
    retried_from: Text | None = None
    label: tuple[Annotated[str, msgspec.Meta(pattern="^[^=]+=", max_length=513)], ...] = ()
    """`name=value`; several must all hold."""
    error: Text | None = None
    """The fingerprint of the error that it failed with."""
    stalled: bool | None = None
    """Whether it runs and seems to make no progress."""
    since: datetime | None = None
    until: datetime | None = None
    """Created before."""
    ended_since: datetime | None = None
    """A life of it ended from then on, be it retried since."""
    ended_until: datetime | None = None
    ended_as: Literal["completed", "failed", "cancelled"] | None = None
    """How that life ended: what analytics counts as such."""
    q: Text | None = None
    cursor: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    limit: Limit = 50
    min_position: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """An `Onward-Position` that the list must reflect."""


class One(Waiting, frozen=True, kw_only=True):
    """How one execution is asked for."""

    large: Literal["whole", "reference"] = "whole"
    """Whether an input and an output above 256 KiB are shown, or the names of the objects that hold them."""


class ExecutionList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of executions, and up to which EVENTS sequence it knows everything."""

    items: list[ExecutionView]
    next_cursor: str | None
    as_of: AsOf


@get(
    "/api/v1/executions",
    opt=describe(
        Operation(
            summary="List executions, newest first",
            query=Filters,
            answers={200: ExecutionList},
            refuses=(400, 503),
        )
    ),
)
async def list_executions(request: Door) -> Answer:
    """A page of executions, as Postgres knows them at `as_of`."""
    gateway, call = gateway_of(request), call_of(request.scope)
    filters = read_query(request.scope["query_string"], Filters)
    return json_answer(await gateway.state.page(call.who.project, msgspec.to_builtins(filters)))


@get(
    ONE,
    opt=describe(
        Operation(
            summary="Get one execution by its id, or by the beginning of one",
            query=One,
            headers=("If-None-Match",),
            answers={200: ExecutionView, 304: None},
            refuses=(400, 404, 409, 503),
        )
    ),
)
async def get_execution(request: Door) -> Answer:
    """Its state now, or once it has ended."""
    gateway, call = gateway_of(request), call_of(request.scope)
    asked = read_query(request.scope["query_string"], One)
    project = call.who.project
    execution_id = await gateway.finder.resolve(project, request.path_params["execution_id"])
    if asked.wait:
        with gateway.load.parking():
            execution = await until_ended(gateway, project, execution_id, asked.wait, caller_of(request))
    else:
        execution = await gateway.finder.execution(project, execution_id)
    etag = f'"{execution.n}"'.encode()
    if _matches(call.headers.get(b"if-none-match"), etag):
        return Answer(304, b"", ((b"etag", etag),))
    headers: Headers = ((b"etag", etag),)
    shown = view(execution, await _stall(gateway, execution))
    if asked.large == "whole":
        return await large.whole(gateway, project, shown, headers)
    return json_answer(shown, 200, headers)


@get(
    ONE + "/events",
    opt=describe(
        Operation(
            summary="What happened to one execution, oldest first",
            query=paging.Paging,
            answers={200: paging.Page},
            refuses=(400, 404, 409, 503),
        )
    ),
)
async def list_events(request: Door) -> Answer:
    """Its events, as they are stored."""
    return await _part(request, lambda events: [msgspec.Raw(ev.encode(event)) for event in events])


@get(
    ONE + "/attempts",
    opt=describe(
        Operation(
            summary="Every try of one execution by a worker",
            query=paging.Paging,
            answers={200: paging.page_of(history.AttemptView)},
            refuses=(400, 404, 409, 503),
        )
    ),
)
async def list_attempts(request: Door) -> Answer:
    """Its attempts, oldest first."""
    return await _part(request, history.attempts)


@get(
    ONE + "/steps",
    opt=describe(
        Operation(
            summary="The steps of one execution as they stand",
            query=paging.Paging,
            answers={200: paging.page_of(history.StepView)},
            refuses=(400, 404, 409, 503),
        )
    ),
)
async def list_steps(request: Door) -> Answer:
    """Its steps, in the order of their first sign."""
    return await _part(request, history.steps)


@get(
    ONE + "/checkpoints",
    opt=describe(
        Operation(
            summary="The saved results of one execution",
            query=paging.Paging,
            answers={200: paging.page_of(history.CheckpointView)},
            refuses=(400, 404, 409, 503),
        )
    ),
)
async def list_checkpoints(request: Door) -> Answer:
    """Its checkpoints, oldest first."""
    return await _part(request, history.checkpoints)


async def _part(request: Door, derive: Any) -> Answer:
    gateway, call = gateway_of(request), call_of(request.scope)
    asked = read_query(request.scope["query_string"], paging.Paging)
    project = call.who.project
    execution_id = await gateway.finder.resolve(project, request.path_params["execution_id"])
    events = await whole_history(gateway, project, execution_id)
    return json_answer(paging.page(derive(events), asked))


async def whole_history(gateway: Gateway, project: str, execution_id: str) -> Sequence[ev.AnyEvent]:
    """Every event of one execution: from its log, and what was purged of that from Postgres."""
    found = await gateway.finder.find(project, execution_id)
    stored = [item.event for item in found.stored] if isinstance(found, Log) else []
    if stored and stored[0].n == 1:
        return stored
    older = await gateway.state.events(project, execution_id)
    by_n = {event.n: event for event in (*older, *stored)}
    return [by_n[n] for n in sorted(by_n)]


async def _stall(gateway: Gateway, execution: Execution) -> StallView | None:
    """What Postgres knows of one that is held and has been quiet; without Postgres it is shown all the same."""
    if not execution.held or execution.ended or gateway.clock() - execution.updated_at < LIVELY:
        return None
    try:
        return await gateway.state.stalled(execution.project, execution.id)
    except Unavailable:
        return None


def _matches(given: bytes | None, etag: bytes) -> bool:
    if given is None:
        return False
    return any(tag.strip().removeprefix(b"W/") in {etag, b"*"} for tag in given.split(b","))
