"""The ticks to come of a schedule, and of one that is not made yet."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from litestar import get, post

from onward.contract.schedules import NextTick, ScheduleSpec
from onward.contract.submission import PAGE
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.entrance import body_of
from onward.http.query import read_query
from onward.schedules import timing
from onward.schedules.cron import zone_named
from onward_gateway.gateway import gateway_of
from onward_gateway.resources import body
from onward_gateway.resources.acts import Desk
from onward_gateway.resources.schedules import KIND
from onward_gateway.resources.shapes import shapes_of
from onward_gateway.routes import Door, Operation, describe

_SHAPES = shapes_of(KIND)


class HowMany(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many ticks to tell."""

    count: Annotated[int, msgspec.Meta(ge=1, le=PAGE)] = 10


class SchedulePreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a schedule would be: when, in words, and its first ticks."""

    words: str
    zone: str
    next: list[NextTick]


@get(
    KIND.path + "/{name:str}/next",
    opt=describe(
        Operation(
            summary="The ticks to come, in UTC and in the schedule's zone",
            query=HowMany,
            answers={200: list[NextTick]},
            refuses=(400, 404, 503),
        )
    ),
)
async def list_next(request: Door) -> Answer:
    """As if nothing were paused."""
    asked = read_query(request.scope["query_string"], HowMany)
    spec = (await _desk(request).readable(request.path_params["name"])).spec
    return json_answer(list(upcoming(spec, gateway_of(request).clock(), asked.count)))


@post(
    KIND.path + "/preview",
    opt=describe(
        Operation(
            summary="When a schedule would fire, with the refusals of one that could not be made; nothing is stored",
            query=HowMany,
            body=_SHAPES.shown_new,
            answers={200: SchedulePreview},
            refuses=(400, 415, 503),
        ),
        scope="operate",
    ),
)
async def preview(request: Door) -> Answer:
    """The same checks as its creation."""
    asked = read_query(request.scope["query_string"], HowMany)
    text = await body_of(call_of(request.scope), request.receive)
    spec = await _desk(request).tried(body.created(_SHAPES, text))
    ticks = list(upcoming(spec, gateway_of(request).clock(), asked.count))
    return json_answer(SchedulePreview(words=timing.words(spec), zone=spec.zone, next=ticks))


def upcoming(spec: ScheduleSpec, now: datetime, count: int) -> Iterable[NextTick]:
    """So many ticks after now."""
    after = max(now, spec.since) if spec.since is not None else now
    zone = zone_named(spec.zone)
    return (_next(spec, tick, zone) for tick in islice(timing.ticks(spec, after), count))


def _next(spec: ScheduleSpec, tick: datetime, zone: ZoneInfo) -> NextTick:
    local = tick.astimezone(zone)
    before, after = ((tick + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in (-25, 1))
    moved = f"the clocks of {spec.zone} change on that day" if before != after else None
    return NextTick(tick=tick, local=local.isoformat(), fires_at=tick + timing.delay(spec, tick), note=moved)


def _desk(request: Door) -> Desk:
    who = call_of(request.scope).who
    return Desk(gateway_of(request), KIND, who.project, who.actor)


ROUTES = [list_next, preview]
