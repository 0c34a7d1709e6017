"""POST /executions: one submission, checked, stored, and only then accepted."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from litestar import post

from onward.contract import decide, ids
from onward.contract.decide import Moment
from onward.contract.errors import FenceLost, InvalidBody, KeyReused, NotFound, OnwardError, Unavailable
from onward.contract.events import AnyEvent, Submitted
from onward.contract.execution import Execution
from onward.contract.lifecycle import fold
from onward.contract.log import Decision
from onward.contract.policies import DENIED, Verdict, denial
from onward.contract.submission import Submission
from onward.contract.values import MOST
from onward.contract.view import ExecutionView, view_as
from onward.http import json_text
from onward.http.answer import Answer, Headers, json_answer
from onward.http.call import Call, Principal, call_of
from onward.http.entrance import announced, body_of
from onward.http.problems import FieldError, blaming
from onward.http.query import read_query
from onward_gateway.admission import check_input, fingerprint, idempotency_key
from onward_gateway.control import command_of
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.large import whole
from onward_gateway.placing import Placed, placed
from onward_gateway.policing import denied, problem
from onward_gateway.routes import Door, NoQuery, Operation, describe, documented
from onward_gateway.routing import RouteView, route_of
from onward_gateway.traced import traced
from onward_gateway.waiting import Waiting, caller_of, until_ended
from onward_gateway.warnings import warnings

_DEPTH = json_text.MAX_DEPTH + 1  # the input stands one level down
_decoder = msgspec.json.Decoder(Submission)
SubmissionBody = documented(Submission)
PATH = "/api/v1/executions"
MAX_BODY = MOST + 1024 * 1024
"""The largest input, and what else is asked for."""
POLICY = "policy"
"""What a warning of a policy begins with."""
_NONE: Mapping[str, Any] = {}


class Accepted(msgspec.Struct, frozen=True):
    """An execution that is on disk: `replayed` where its idempotency key had brought it there before."""

    execution: Execution
    warnings: tuple[str, ...] = ()
    replayed: bool = False
    position: int = 0


class SubmittedView(ExecutionView, frozen=True, kw_only=True):
    """The answer to a submission: the execution, and what the caller should know about it."""

    warnings: tuple[str, ...]


@post(
    PATH,
    opt=describe(
        Operation(
            summary="Submit an execution, and wait for its end where that is asked for",
            query=Waiting,
            body=SubmissionBody,
            headers=("Idempotency-Key",),
            answers={202: SubmittedView, 200: SubmittedView},
            refuses=(400, 413, 415, 422, 429, 503),
        ),
        scope="submit",
    ),
)
@traced("onward.submit")
async def submit(request: Door) -> Answer:
    """Stores one submission, and answers 202 once it is on disk; 200 where it has ended, or was there before."""
    gateway, call = gateway_of(request), call_of(request.scope)
    query = request.scope["query_string"]
    wait = read_query(query, Waiting).wait if query else 0
    key = call.headers.get(b"idempotency-key")
    large = announced(call)
    with gateway.load.carrying(large):
        text = await body_of(call, request.receive)
        if large:
            accepted = await accept(gateway, call, json_text.members(text, _decoder), key, text=text)
        else:
            accepted = await accept(gateway, call, json_text.read(text, _decoder, depth=_DEPTH), key)
    if not wait:
        return answered(accepted)
    del text
    accepted = await _waited(request, accepted, wait)
    if accepted.execution.final:
        return await whole(gateway, call.who.project, shown(accepted), _headers(accepted))
    return answered(accepted)


async def _waited(request: Door, accepted: Accepted, seconds: float) -> Accepted:
    """The same once it has ended. What hinders the wait does not make it less accepted: it is told as it was."""
    gateway, stored = gateway_of(request), accepted.execution
    try:
        with gateway.load.parking():
            ended = await until_ended(
                gateway, stored.project, stored.id, seconds, caller_of(request),
                fresh=None if accepted.replayed else stored,
            )  # fmt: skip
    except OnwardError:
        return accepted
    return msgspec.structs.replace(accepted, execution=ended)


def answered(accepted: Accepted) -> Answer:
    """202 for what is on disk now, 200 for what was."""
    return json_answer(shown(accepted), 200 if accepted.replayed else 202, _headers(accepted))


async def accept(
    gateway: Gateway,
    call: Call,
    asked: Submission,
    key_header: bytes | None = None,
    *,
    text: bytes | None = None,
    lineage: Mapping[str, Any] = _NONE,
    identity: str | None = None,
) -> Accepted:
    """Checks `asked`, appends its first event, and returns what is on disk then.

    `text` is the whole body where that is large: then it is checked by another process. `lineage` is what an earlier
    execution, or a schedule, leaves to it; `identity` the id that it must have, whatever it asks for.
    """
    gateway.store.check()
    with gateway.quotas.adding(call.who.project, len(bytes(asked.input))):
        return await _accept(gateway, call, asked, key_header, text=text, lineage=lineage, identity=identity)


async def _accept(
    gateway: Gateway,
    call: Call,
    asked: Submission,
    key_header: bytes | None,
    *,
    text: bytes | None,
    lineage: Mapping[str, Any],
    identity: str | None,
) -> Accepted:
    who, now = call.who, gateway.clock()
    where = placed(gateway, who.project, asked, now)
    key = idempotency_key(asked, key_header)
    of_request = await _checked(gateway, where, text, keyed=key is not None)
    fields = {**where.fields, **lineage}
    if asked.parent_id is not None:
        fields["root_id"] = await _root(gateway, who, asked.parent_id)
    if identity is not None:
        fields["fingerprint"] = identity
    elif key is not None:
        fields["fingerprint"] = lineage.get("retried_from", "") + (of_request or fingerprint(asked))
    event = decide.submit(
        execution_id=_id(gateway, who, identity, key),
        project=who.project,
        moment=Moment(now=now, new_id=gateway.new_id, actor=who.actor, trace=call.traceparent),
        queue=where.admitted.queue,
        priority=where.admitted.priority,
        run_at=where.admitted.run_at,
        **fields,
    )
    keyed = key is not None or identity is not None
    if keyed and (earlier := await _purged_before(gateway, event)) is not None:
        return earlier
    verdicts = await gateway.policing.about(event)
    kept = await gateway.values.keep(event.project, event.execution_id, event.input, "/input")
    return await _store(gateway, msgspec.structs.replace(event, input=kept), verdicts)


async def check(gateway: Gateway, call: Call, asked: Submission) -> None:
    """Raises what a submission would, and stores nothing."""
    gateway.store.check()
    where = placed(gateway, call.who.project, asked, gateway.clock())
    await _checked(gateway, where, None, keyed=False)


@post(
    PATH + "/route",
    opt=describe(
        Operation(
            summary="Where a submission would go, who would take it, and what is in its way; nothing is stored",
            query=NoQuery,
            body=SubmissionBody,
            answers={200: RouteView},
            refuses=(400, 413, 415, 422, 503),
        ),
        scope="read",
    ),
)
@traced("onward.route")
async def route(request: Door) -> Answer:
    """A dry run: it refuses what a submission would be refused for."""
    gateway, call = gateway_of(request), call_of(request.scope)
    asked = await command_of(request, _decoder)
    gateway.store.check()
    project, now = call.who.project, gateway.clock()
    where = placed(gateway, project, asked, now)
    await _checked(gateway, where, None, keyed=False)
    admitted = where.admitted
    event = decide.submit(
        execution_id=gateway.new_id(), project=project, queue=admitted.queue, priority=admitted.priority,
        run_at=admitted.run_at, moment=Moment(now=now, new_id=gateway.new_id, actor=call.who.actor), **where.fields,
    )  # fmt: skip
    return json_answer(route_of(gateway, event, await gateway.policing.about(event)))


def _id(gateway: Gateway, who: Principal, identity: str | None, key: str | None) -> str:
    if identity is not None:
        return identity
    return ids.keyed_id(who.project, key) if key is not None else gateway.new_id()


async def _checked(gateway: Gateway, where: Placed, text: bytes | None, *, keyed: bool) -> str | None:
    """Raises what is wrong with the input; the fingerprint of the request, where that was made on the way."""
    task = where.admitted.task
    if text is None:
        check_input(where.asked.input, task.validator)
        return None
    schema = task.spec.input_schema if task.validator is not None else None
    return await gateway.apart.checked(text, schema, keyed=keyed)


def shown(accepted: Accepted) -> SubmittedView:
    """The body of the answer."""
    return view_as(SubmittedView, accepted.execution, warnings=accepted.warnings)


async def _store(gateway: Gateway, event: Submitted, verdicts: Iterable[Verdict]) -> Accepted:
    events: tuple[AnyEvent, ...] = (event,)
    if (error := denial(verdicts)) is not None:
        events = denied(event, Moment(now=event.at, new_id=gateway.new_id, actor=event.actor), error)
    decision = Decision(project=event.project, execution_id=event.execution_id, expected=0, events=events)
    try:
        sequence = await gateway.events.append(decision)
    except FenceLost as lost:
        # Only a keyed id can exist already.
        return await _replayed(gateway, event, lost.floor)
    gateway.finder.remember(event.project, event.execution_id, event.routes[0], sequence)
    execution = fold(events)
    if error is not None:
        raise problem(execution)
    warned = (f"{POLICY}: {verdict.told()}" for verdict in verdicts)
    return Accepted(execution, (*warnings(gateway, event), *warned), position=sequence)


async def _replayed(gateway: Gateway, event: Submitted, floor: int) -> Accepted:
    if floor:
        gateway.finder.remember(event.project, event.execution_id, event.routes[0], floor)
    try:
        execution = await gateway.finder.execution(event.project, event.execution_id)
    except NotFound as error:
        # Somebody has stored it, and a replica that is behind does not know yet.
        raise Unavailable("this key is being used just now", retry_after=1) from error
    return _same(event, execution)


async def _purged_before(gateway: Gateway, event: Submitted) -> Accepted | None:
    """What an older use of this key left in Postgres, where EVENTS may have been purged of it (PROTOCOL T3)."""
    if not gateway.known.purged():
        return None
    try:
        remembered = await gateway.state.execution(event.project, event.execution_id)
    except Unavailable:
        # Without Postgres nothing proves that the key is new; EVENTS can still prove that it is not.
        log = await gateway.finder.log(event.project, event.execution_id)
        if log is None:
            raise
        return _same(event, log.execution)
    return None if remembered is None else _same(event, remembered.execution)


def _same(event: Submitted, execution: Execution) -> Accepted:
    if execution.fingerprint != event.fingerprint:
        raise KeyReused(
            f"this idempotency key belongs to execution {execution.id}, which was asked for with another body",
            fix="use a fresh key for another request",
        )
    if execution.reason == DENIED:
        raise problem(execution)
    return Accepted(execution, replayed=True)


async def _root(gateway: Gateway, who: Principal, parent_id: str) -> str:
    try:
        parent = await gateway.finder.execution(who.project, parent_id)
    except NotFound:
        what = "there is no such execution"
        raise blaming(InvalidBody(f"/parent_id: {what}"), FieldError("/parent_id", what)) from None
    return parent.root_id or parent.id


def _headers(accepted: Accepted) -> Headers:
    headers: Headers = ((b"location", f"/api/v1/executions/{accepted.execution.id}".encode()),)
    if accepted.position:
        headers += ((b"onward-position", str(accepted.position).encode()),)
    if accepted.replayed:
        headers += ((b"idempotent-replayed", b"true"),)
    if told := [warning for warning in accepted.warnings if not warning.startswith(POLICY)]:
        headers += ((b"onward-warning", ", ".join(told).encode()),)
    return headers
