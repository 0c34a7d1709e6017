"""GET /error-groups: failures that are the same one, with how often, since when, and in which versions."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import get

from onward.contract.analytics import ErrorGroupList, ErrorGroupView
from onward.contract.errors import NotFound
from onward.contract.submission import PAGE
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway.csv_text import csv_answer
from onward_gateway.gateway import gateway_of
from onward_gateway.routes import Door, Operation, describe

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class GroupsQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which groups: those with failures in the last seven days, unless it is said; in full hours."""

    since: datetime | None = None
    until: datetime | None = None
    task: Text | None = None
    queue: Text | None = None
    version: Text | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE)] = 50
    format: Literal["json", "csv"] = "json"


class GroupQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The time whose trend is shown: the last seven days, unless it is said."""

    since: datetime | None = None
    until: datetime | None = None


@get(
    "/api/v1/error-groups",
    opt=describe(
        Operation(
            summary="Failures grouped by error fingerprint, the most frequent first",
            query=GroupsQuery,
            answers={200: ErrorGroupList},
            refuses=(400, 503),
        )
    ),
)
async def list_error_groups(request: Door) -> Answer:
    """The groups of a time."""
    gateway, call = gateway_of(request), call_of(request.scope)
    asked: dict[str, Any] = msgspec.to_builtins(read_query(request.scope["query_string"], GroupsQuery))
    form = asked.pop("format", "json")
    told = await gateway.state.figures("error_groups", call.who.project, asked)
    return json_answer(told) if form == "json" else csv_answer(msgspec.json.decode(told)["items"])


@get(
    "/api/v1/error-groups/{fingerprint:str}",
    opt=describe(
        Operation(
            summary="One group of failures, and how it went",
            query=GroupQuery,
            answers={200: ErrorGroupView},
            refuses=(400, 404, 503),
        )
    ),
)
async def get_error_group(request: Door) -> Answer:
    """One group, with its trend."""
    gateway, call = gateway_of(request), call_of(request.scope)
    asked: dict[str, Any] = msgspec.to_builtins(read_query(request.scope["query_string"], GroupQuery))
    fingerprint = request.path_params["fingerprint"]
    told = await gateway.state.figures("error_group", call.who.project, {**asked, "fingerprint": fingerprint})
    if bytes(told) == b"null":
        raise NotFound(
            f"nothing has failed with the fingerprint {fingerprint[:80]!r}",
            fix="GET /api/v1/error-groups lists all",
        )
    return json_answer(told)
