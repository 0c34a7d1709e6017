"""/workers: who runs executions; and what a worker is told while it runs, which it answers itself."""

from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import get, post

from onward.contract import subjects
from onward.contract.errors import Conflict, NotFound, Unavailable
from onward.contract.workers import (
    GONE,
    DrainCommand,
    NoCommand,
    Order,
    SlotsCommand,
    Standing,
    WorkerView,
    shown,
)
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway import paging
from onward_gateway.control import command_of
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import Door, NoQuery, Operation, describe

PATH = "/api/v1/workers"
ONE = PATH + "/{worker_id:str}"
_SECONDS = 2.0
_SHORTEST = 4
"""Characters that a worker's id may be cut to."""
_drain, _nothing, _slots = map(msgspec.json.Decoder, (DrainCommand, NoCommand, SlotsCommand))


class _Refused(msgspec.Struct, frozen=True):
    refused: str


_reply: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


@get(
    PATH,
    opt=describe(
        Operation(
            summary="The workers that give signs of life",
            query=paging.Paging,
            answers={200: paging.page_of(WorkerView)},
            refuses=(400,),
        )
    ),
)
async def list_workers(request: Door) -> Answer:
    """The workers; those heard in here where execution_state does not answer."""
    gateway, call = gateway_of(request), call_of(request.scope)
    asked = read_query(request.scope["query_string"], paging.Paging)
    workers = await _known(gateway, call.who.project)
    return json_answer(paging.page(sorted(workers, key=lambda one: (one.started_at, one.worker_id)), asked))


@get(
    ONE,
    opt=describe(
        Operation(
            summary="Get one worker, with what it runs",
            query=NoQuery,
            answers={200: WorkerView},
            refuses=(400, 404, 409),
        )
    ),
)
async def get_worker(request: Door) -> Answer:
    """One worker, by its id or the beginning of it."""
    read_query(request.scope["query_string"], NoQuery)
    return json_answer(await _one(request))


def _told(summary: str, body: type[msgspec.Struct]) -> dict[str, Any]:
    operation = Operation(
        summary=summary,
        query=NoQuery,
        body=body,
        answers={200: WorkerView},
        refuses=(400, 404, 409, 415, 503),
    )
    return describe(operation, scope="operate")


@post(ONE + "/drain", opt=_told("Let a worker finish what it runs, and take nothing new", DrainCommand))
async def drain(request: Door) -> Answer:
    """With `exit` its process ends when nothing runs any more."""
    return await _tell(request, Order(act="drain", exit=(await command_of(request, _drain)).exit))


@post(ONE + "/pause", opt=_told("Let a worker take nothing new until it is resumed", NoCommand))
async def pause(request: Door) -> Answer:
    """What it runs goes on."""
    await command_of(request, _nothing)
    return await _tell(request, Order(act="pause"))


@post(ONE + "/resume", opt=_told("Let a paused or draining worker take again", NoCommand))
async def resume(request: Door) -> Answer:
    """Back to work."""
    await command_of(request, _nothing)
    return await _tell(request, Order(act="resume"))


@post(ONE + "/slots", opt=_told("Set how many executions a worker runs at once", SlotsCommand))
async def slots(request: Door) -> Answer:
    """With fewer, what runs beyond them ends first."""
    return await _tell(request, Order(act="slots", slots=(await command_of(request, _slots)).slots))


ROUTES = (list_workers, get_worker, drain, pause, resume, slots)


async def _tell(request: Door, order: Order) -> Answer:
    """Returns when the worker has said that it holds to it, which it does for as long as its process lives."""
    gateway, worker = gateway_of(request), await _one(request)
    order = msgspec.structs.replace(order, actor=call_of(request.scope).who.actor)
    reply = None
    if worker.status != GONE:
        subject = subjects.worker(worker.worker_id)
        reply = await gateway.messages.ask(subject, msgspec.json.encode(order), timeout=_SECONDS)
    if reply is None:
        raise Unavailable(
            f"worker {worker.worker_id} does not answer",
            fix="is it still there? a worker of an older release cannot be told; stop its process",
            retry_after=2,
        )
    told = _reply.decode(reply)
    if "refused" in told:
        raise Conflict(msgspec.convert(told, _Refused).refused)
    stands = msgspec.convert(told, Standing)
    return json_answer(
        msgspec.structs.replace(worker, status=stands.status, slots=stands.slots, busy=stands.busy)
    )


async def _one(request: Door) -> WorkerView:
    asked: str = request.path_params["worker_id"]
    workers = await _known(gateway_of(request), call_of(request.scope).who.project)
    found = [one for one in workers if one.worker_id == asked]
    if not found and len(asked) >= _SHORTEST:
        found = [one for one in workers if one.worker_id.startswith(asked)]
        there = [one for one in found if one.status != GONE]
        found = there or found
    if len(found) > 1:
        raise Conflict(f"{len(found)} workers begin with {asked[:80]!r}", fix="name more of the id")
    if not found:
        raise NotFound(f"there is no worker {asked[:80]!r}", fix=f"GET {PATH} lists all")
    return found[0]


async def _known(gateway: Gateway, project: str) -> list[WorkerView]:
    """All that were heard of lately; what was heard in here is newer."""
    here = {beat.worker_id: shown(beat, beat.at) for beat in gateway.presence.workers(project)}
    try:
        told = await gateway.state.workers(project)
    except Unavailable:
        return list(here.values())
    known = {one.worker_id: one for one in told}
    return [*told_or_heard(known, here)]


def told_or_heard(told: dict[str, WorkerView], heard: dict[str, WorkerView]) -> Iterator[WorkerView]:
    """Each worker once: as it was heard here, unless its connection is known to have ended."""
    yield from (heard.get(name, one) if one.status != GONE else one for name, one in told.items())
    yield from (one for name, one in heard.items() if name not in told)
