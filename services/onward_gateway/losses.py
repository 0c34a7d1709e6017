"""GET /losses: what was found lost, in the log or in Postgres, for those who look after an installation."""

from litestar import get

from onward.contract.losses import LossView
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway import paging
from onward_gateway.gateway import gateway_of
from onward_gateway.routes import Door, Operation, describe


@get(
    "/api/v1/losses",
    opt=describe(
        Operation(
            summary="What was found lost, in the log or in Postgres, at the last look",
            query=paging.Paging,
            answers={200: paging.page_of(LossView)},
            refuses=(400, 503),
        )
    ),
)
async def list_losses(request: Door) -> Answer:
    """By kind, with the first of each."""
    gateway, call = gateway_of(request), call_of(request.scope)
    asked = read_query(request.scope["query_string"], paging.Paging)
    return json_answer(paging.page(await gateway.state.losses(call.who.project), asked))


ROUTES = (list_losses,)
