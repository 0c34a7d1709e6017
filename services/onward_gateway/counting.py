"""GET /executions/counts: how many executions wait and run, for the heads of the board's columns."""

from datetime import datetime

import msgspec
from litestar import get

from onward.contract.view import PATH
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway.executions import Filters
from onward_gateway.gateway import gateway_of
from onward_gateway.routes import Door, Operation, describe


class OpenCount(msgspec.Struct, frozen=True):
    """Of one status: how many, and since when the first of them is there."""

    count: int
    oldest: datetime | None


class OpenCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What waits and what runs; a count that equals `most` means at least so many."""

    pending: OpenCount
    running: OpenCount
    most: int


@get(
    PATH + "/counts",
    opt=describe(
        Operation(
            summary="How many executions wait and run, of those that a filter finds",
            query=Filters,
            answers={200: OpenCounts},
            refuses=(400, 503),
        )
    ),
)
async def count_open(request: Door) -> Answer:
    """Counted by execution_state; of the ended ones, analytics tells."""
    gateway, call = gateway_of(request), call_of(request.scope)
    asked = read_query(request.scope["query_string"], Filters)
    return json_answer(
        await gateway.state.figures("open_counts", call.who.project, msgspec.to_builtins(asked))
    )
