"""What can be asked of a schedule beside what every resource can: its history, a pause, and to fire now."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import get, post

from onward.contract import ids, inside, templates
from onward.contract.errors import FenceLost, InvalidInput, NotFound, Unavailable
from onward.contract.schedules import (
    Backfill,
    BackfillView,
    Firing,
    ScheduleSpec,
    ScheduleState,
    TickView,
    template_of,
    variables,
)
from onward.contract.submission import PAGE
from onward.http import json_text
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.entrance import body_of
from onward.http.query import read_query
from onward.schedules import deciding
from onward.schedules.cron import zone_named
from onward_gateway import paging
from onward_gateway.control import command_of
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.inside import submit_as
from onward_gateway.resources.acts import Desk
from onward_gateway.resources.schedules import KIND, ScheduleView, show
from onward_gateway.routes import Door, NoQuery, Operation, describe
from onward_gateway.submit import SubmittedView, answered
from onward_gateway.traced import traced

ONE = "/api/v1/schedules/{name:str}"
REFUSES = (400, 404, 409, 415, 422, 503)
MOST_BACKFILLED = 10_000
MOST_A_MINUTE = 6000.0
_TRIES_SECONDS = 5.0


class RunsAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of a history."""

    outcome: tuple[str, ...] = ()
    cursor: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE)] = 50


class PauseSchedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Let no tick fire; `reason` is shown to people, and in the history."""

    reason: str | None = None


class Nothing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """There is nothing to say."""


class BackfillCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Start what the ticks after `since` and up to `until` would have started; one that has is not started again.

    `rate` is how many a minute; with `preview` they are only counted.
    """

    since: datetime
    until: datetime
    rate: float = 60.0
    preview: bool = False


@get(
    ONE + "/runs",
    opt=describe(
        Operation(
            summary="What became of its ticks, newest first; also of a schedule that was deleted",
            query=RunsAsked,
            answers={200: paging.page_of(TickView)},
            refuses=(400, 404, 503),
        )
    ),
)
async def list_runs(request: Door) -> Answer:
    """Fired, refused, skipped and missed ones, each with its reason."""
    asked = read_query(request.scope["query_string"], RunsAsked)
    gateway, name = gateway_of(request), request.path_params["name"]
    project = call_of(request.scope).who.project
    page = await gateway.state.schedule_runs(project, name, msgspec.structs.asdict(asked))
    if (
        not page.items
        and asked.cursor is None
        and gateway.known.specs.get(project, ScheduleSpec, name) is None
    ):
        raise NotFound(f"there is no schedule {name[:80]!r}, and none is remembered")
    return json_answer(page)


@post(
    ONE + "/trigger",
    opt=describe(
        Operation(
            summary="Start its execution now, whatever else runs or is paused",
            query=NoQuery,
            body=Nothing,
            headers=("Idempotency-Key",),
            answers={200: SubmittedView, 202: SubmittedView},
            refuses=REFUSES,
        ),
        scope="operate",
    ),
)
@traced("onward.trigger")
async def trigger(request: Door) -> Answer:
    """Noted first, so that it is in the history whatever happens, and submitted then."""
    await command_of(request, msgspec.json.Decoder(Nothing))
    gateway, call = gateway_of(request), call_of(request.scope)
    spec, project = await _spec(request), call.who.project
    now, key = gateway.clock(), call.headers.get(b"idempotency-key")
    execution_id = gateway.new_id() if key is None else ids.keyed_id(project, key.decode("utf-8", "replace"))
    firing = Firing(tick=now, execution_id=execution_id, cause="trigger", by=call.who.actor)
    submission = rendered(spec, firing)

    def opened(state: ScheduleState) -> ScheduleState:
        return msgspec.structs.replace(state, open=(*state.open, firing))

    await _noted(gateway, project, spec, now, opened)
    asked = inside.SubmitAsked(
        project=project, actor=call.who.actor, source="schedule", origin=spec.name, scheduled_at=now,
        execution_id=firing.execution_id, submission=submission,
    )  # fmt: skip
    refusal: str | None = None
    try:
        accepted = await submit_as(gateway, asked)
    except Exception as error:
        refusal = f"{getattr(error, 'code', 'internal_error')}: {error}"
        raise
    finally:
        await _noted(gateway, project, spec, now, lambda state: deciding.settled(state, firing, refusal, now))
    return answered(accepted)


@post(
    ONE + "/pause",
    opt=describe(
        Operation(
            summary="Let no tick fire until it is resumed",
            query=NoQuery,
            body=PauseSchedule,
            answers={200: ScheduleView},
            refuses=REFUSES,
        ),
        scope="operate",
    ),
)
async def pause(request: Door) -> Answer:
    """Its ticks are listed as skipped meanwhile."""
    command = await command_of(request, msgspec.json.Decoder(PauseSchedule))
    return await _changed(
        request, lambda spec: msgspec.structs.replace(spec, paused=True, paused_because=command.reason)
    )


@post(
    ONE + "/resume",
    opt=describe(
        Operation(
            summary="Let its ticks fire again, from the next one on",
            query=NoQuery,
            body=Nothing,
            answers={200: ScheduleView},
            refuses=REFUSES,
        ),
        scope="operate",
    ),
)
async def resume(request: Door) -> Answer:
    """What its pause skipped stays skipped; a backfill starts it."""
    await command_of(request, msgspec.json.Decoder(Nothing))
    return await _changed(
        request, lambda spec: msgspec.structs.replace(spec, paused=False, paused_because=None)
    )


@post(
    ONE + "/backfill",
    opt=describe(
        Operation(
            summary="Start what ticks of a past time would have started, so many a minute",
            query=NoQuery,
            body=BackfillCommand,
            answers={200: BackfillView, 202: BackfillView},
            refuses=REFUSES,
        ),
        scope="operate",
    ),
)
@traced("onward.backfill")
async def backfill(request: Door) -> Answer:
    """Counted first; with `preview` no more than that."""
    gateway, call = gateway_of(request), call_of(request.scope)
    gateway.no_query(request.scope["query_string"])
    text = await body_of(call, request.receive)
    command = json_text.read(text, msgspec.json.Decoder(BackfillCommand))
    spec, now = await _spec(request), gateway.clock()
    _check(command, now)
    # A schedule's own beginning does not matter here: what was before it may be wanted.
    count = deciding.preview(spec, command.since, command.until, MOST_BACKFILLED + 1)
    if count > MOST_BACKFILLED:
        raise InvalidInput(f"these are more than {MOST_BACKFILLED} ticks", fix="ask for a shorter time")
    asked = Backfill(
        id=gateway.new_id(), position=command.since, until=command.until, rate=command.rate, started=now,
        by=call.who.actor,
    )  # fmt: skip
    view = BackfillView(
        id=None if command.preview else asked.id,
        count=count,
        since=command.since,
        until=command.until,
        seconds=max(0.0, (count - 1) * 60 / command.rate),
    )
    if command.preview or not count:
        return json_answer(view)

    def added(state: ScheduleState) -> ScheduleState:
        return msgspec.structs.replace(state, backfills=(*state.backfills, asked))

    await _noted(gateway, call.who.project, spec, now, added)
    return json_answer(view, 202)


def rendered(spec: ScheduleSpec, firing: Firing) -> msgspec.Raw:
    """The submission of one tick. Raises InvalidInput."""
    try:
        return templates.render(template_of(spec), variables(spec, firing, zone_named(spec.zone)))
    except templates.TemplateError as error:
        raise InvalidInput(f"/submission: {error}") from error


def _check(command: BackfillCommand, now: datetime) -> None:
    for name, moment in (("since", command.since), ("until", command.until)):
        if moment.tzinfo is None:
            raise InvalidInput(f"/{name}: it needs an offset, as in 2026-01-31T08:00:00Z")
    if not command.since < command.until <= now.astimezone(UTC):
        raise InvalidInput("/until: it is after since, and not in the future")
    if not 0 < command.rate <= MOST_A_MINUTE:
        raise InvalidInput(f"/rate: {command.rate:g} is not above 0 and up to {MOST_A_MINUTE:g} a minute")


async def _noted(
    gateway: Gateway,
    project: str,
    spec: ScheduleSpec,
    now: datetime,
    change: Callable[[ScheduleState], ScheduleState],
) -> None:
    """Stores a change of where the schedule is, over whatever its replicas store meanwhile."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _TRIES_SECONDS
    while True:
        stored, sequence = await gateway.ticks.last(project, spec.name)
        state = change(deciding.current(spec, stored, now))
        try:
            await gateway.ticks.put(project, spec.name, state, sequence)
        except FenceLost as lost:
            if loop.time() > end:
                raise Unavailable("others write about this schedule all the time", retry_after=1) from lost
            await asyncio.sleep(random.uniform(0, 0.01))
        else:
            return


async def _spec(request: Door) -> Any:
    return (await _desk(request).readable(request.path_params["name"])).spec


async def _changed(request: Door, change: Callable[[Any], Any]) -> Answer:
    found = await _desk(request).change(request.path_params["name"], None, change)
    (shown,) = await show(gateway_of(request), call_of(request.scope).who, [found.spec])
    return json_answer(shown)


def _desk(request: Door) -> Desk:
    who = call_of(request.scope).who
    return Desk(gateway_of(request), KIND, who.project, who.actor)


ROUTES = [list_runs, trigger, pause, resume, backfill]
