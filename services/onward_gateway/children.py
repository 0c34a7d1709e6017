"""GET /executions/{id}/children: the executions that an execution began, or that were submitted as its children."""

import msgspec
from litestar import get

from onward.contract.execution import Status
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway.executions import ExecutionList, Limit, Text
from onward_gateway.gateway import gateway_of
from onward_gateway.routes import ONE, Door, Operation, describe


class Which(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which of its children a list shows; newest first."""

    status: tuple[Status, ...] = ()
    task: Text | None = None
    cursor: Text | None = None
    limit: Limit = 50
    min_position: int | None = None
    """An `Onward-Position` that the list must reflect."""


@get(
    ONE + "/children",
    opt=describe(
        Operation(
            summary="List the children of one execution, newest first",
            query=Which,
            answers={200: ExecutionList},
            refuses=(400, 404, 409, 503),
        )
    ),
)
async def list_children(request: Door) -> Answer:
    """A page of its children, as Postgres knows them at `as_of`."""
    gateway, call = gateway_of(request), call_of(request.scope)
    asked = read_query(request.scope["query_string"], Which)
    project = call.who.project
    parent = await gateway.finder.resolve(project, request.path_params["execution_id"])
    await gateway.finder.execution(project, parent)  # one that there is not has no list
    filters = {**msgspec.to_builtins(asked), "parent": parent}
    return json_answer(await gateway.state.page(project, filters))
