"""GET /questions: what executions ask people, open and ended, from the projection."""

from typing import Annotated, Literal

import msgspec
from litestar import get

from onward.contract.submission import PAGE
from onward.contract.view import QuestionView
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway.gateway import gateway_of
from onward_gateway.routes import Door, Operation, describe
from onward_gateway.state import AsOf

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class QuestionFilters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which questions a list shows; newest first."""

    status: tuple[Literal["open", "answered", "expired", "withdrawn"], ...] = ()
    to: Text | None = None
    """A person's name, or `team:<name>`."""
    execution_id: Text | None = None
    task: Text | None = None
    cursor: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE)] = 50
    min_position: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """An `Onward-Position` that the list must reflect."""


class QuestionList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of questions, and up to which EVENTS sequence it knows everything."""

    items: list[QuestionView]
    next_cursor: str | None
    as_of: AsOf


@get(
    "/api/v1/questions",
    opt=describe(
        Operation(
            summary="List the questions that executions ask, newest first",
            query=QuestionFilters,
            answers={200: QuestionList},
            refuses=(400, 503),
        )
    ),
)
async def list_questions(request: Door) -> Answer:
    """A page of questions, as Postgres knows them at `as_of`."""
    gateway, call = gateway_of(request), call_of(request.scope)
    filters = read_query(request.scope["query_string"], QuestionFilters)
    return json_answer(await gateway.state.questions(call.who.project, msgspec.to_builtins(filters)))
