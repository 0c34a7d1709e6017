"""GET /analytics/…: figures of executions that have ended, as JSON or CSV; from what execution_state has counted."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import get

from onward.contract.analytics import Breakdown, SlowSteps, Summary, Trend
from onward.contract.sizing import Sizing
from onward.contract.submission import PAGE
from onward.contract.utilisation import Utilisation
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway.csv_text import csv_answer
from onward_gateway.gateway import gateway_of
from onward_gateway.routes import Door, Operation, describe

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=PAGE)]
_PATH = "/api/v1/analytics"


class SummaryQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which executions, by when they ended: the last 24 hours unless it is said."""

    since: datetime | None = None
    until: datetime | None = None
    task: Text | None = None
    queue: Text | None = None
    environment: Text | None = None
    agent_id: Text | None = None
    team: Text | None = None
    format: Literal["json", "csv"] = "json"


class TrendQuery(SummaryQuery, frozen=True, kw_only=True, omit_defaults=True):
    """Cut into minutes, hours or days, as the clocks of a zone show them."""

    bucket: Literal["minute", "hour", "day"] = "hour"
    zone: Text = "UTC"


class BreakdownQuery(SummaryQuery, frozen=True, kw_only=True, omit_defaults=True):
    """By what it is broken down; the most ends first."""

    by: Literal["task", "queue", "environment", "agent_id", "team", "version"] = "task"
    limit: Limit = 50


class StepsQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which steps: of executions that ended in the last 24 hours, unless it is said."""

    since: datetime | None = None
    until: datetime | None = None
    task: Text | None = None
    limit: Limit = 50
    format: Literal["json", "csv"] = "json"


@get(
    _PATH + "/summary",
    opt=describe(
        Operation(
            summary="Throughput, success rate, durations and queue wait of a time, and of the time before it",
            query=SummaryQuery,
            answers={200: Summary},
            refuses=(400, 503),
        )
    ),
)
async def summary(request: Door) -> Answer:
    """All of it in one."""
    return await _answer(request, "analytics_summary", SummaryQuery)


@get(
    _PATH + "/trend",
    opt=describe(
        Operation(
            summary="The same for each minute, hour or day of a zone",
            query=TrendQuery,
            answers={200: Trend},
            refuses=(400, 503),
        )
    ),
)
async def trend(request: Door) -> Answer:
    """How it went."""
    return await _answer(request, "analytics_trend", TrendQuery)


@get(
    _PATH + "/breakdown",
    opt=describe(
        Operation(
            summary="The same for each task, queue, environment, agent, team or version of the code",
            query=BreakdownQuery,
            answers={200: Breakdown},
            refuses=(400, 503),
        )
    ),
)
async def breakdown(request: Door) -> Answer:
    """Who did how much."""
    return await _answer(request, "analytics_breakdown", BreakdownQuery)


class SizingQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every queue."""

    format: Literal["json", "csv"] = "json"


@get(
    _PATH + "/workers",
    opt=describe(
        Operation(
            summary="How many workers each queue has, and how many it needs",
            query=SizingQuery,
            answers={200: Sizing},
            refuses=(400, 503),
        )
    ),
)
async def workers(request: Door) -> Answer:
    """A suggestion for each queue."""
    return await _answer(request, "sizing", SizingQuery)


@get(
    _PATH + "/slow-steps",
    opt=describe(
        Operation(
            summary="The steps that took most time in sum",
            query=StepsQuery,
            answers={200: SlowSteps},
            refuses=(400, 503),
        )
    ),
)
async def slow_steps(request: Door) -> Answer:
    """Where the time goes."""
    return await _answer(request, "analytics_steps", StepsQuery)


class UtilisationQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of which time, in whole minutes: the last hour, unless it is said."""

    since: datetime | None = None
    until: datetime | None = None
    by: Literal["worker", "queue", "all"] = "worker"
    format: Literal["json", "csv"] = "json"


@get(
    _PATH + "/utilisation",
    opt=describe(
        Operation(
            summary="Used slot-time over the slot-time there was, by worker or by queue",
            query=UtilisationQuery,
            answers={200: Utilisation},
            refuses=(400, 503),
        )
    ),
)
async def utilisation(request: Door) -> Answer:
    """How busy the workers were."""
    return await _answer(request, "utilisation", UtilisationQuery)


async def _answer(request: Door, question: str, kind: type[msgspec.Struct]) -> Answer:
    gateway, call = gateway_of(request), call_of(request.scope)
    asked: dict[str, Any] = msgspec.to_builtins(read_query(request.scope["query_string"], kind))
    form = asked.pop("format", "json")
    told = await gateway.state.figures(question, call.who.project, asked)
    if form == "json":
        return json_answer(told)
    found = msgspec.json.decode(told)
    return csv_answer(found.get("items") or [found])
