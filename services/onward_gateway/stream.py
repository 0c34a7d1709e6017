"""GET /events: what happens in a project, streamed; log_relay answers this."""

from litestar import get

from onward.contract.watching import EventQuery
from onward.http.call import call_of
from onward_gateway.forward import Passing
from onward_gateway.gateway import gateway_of
from onward_gateway.routes import Door, Operation, describe

PATH = "/api/v1/events"


@get(
    PATH,
    opt=describe(
        Operation(
            summary="Events of all executions: a page as JSON, or a stream as NDJSON or SSE; log_relay answers this",
            query=EventQuery,
            headers=("Last-Event-ID",),
            answers={200: None},
            refuses=(400, 410, 503),
        )
    ),
)
async def events(request: Door) -> Passing:
    """Passes the question on."""
    gateway, call = gateway_of(request), call_of(request.scope)
    upstream = await gateway.relay.get(PATH, request.scope["query_string"], call)
    return Passing(upstream, gateway.load)
