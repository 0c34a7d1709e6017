"""The application: its routes, and the layers around them."""

from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.datastructures import State

from onward.http.answer import Answer, json_answer, text_answer
from onward.http.auth import PUBLIC, App, authenticated, unruled
from onward.http.call import call_of
from onward.http.entrance import entrance
from onward.http.problems import to_answer
from onward.process.health import HealthReport
from onward.process.metrics import CONTENT_TYPE
from onward_log_relay.event_stream import events
from onward_log_relay.logs import logs
from onward_log_relay.relay import Relay, relay_of
from onward_log_relay.searching import matches
from onward_log_relay.socket import websocket

Asked = Request[Any, Any, Any]


@get("/livez", opt={PUBLIC: True})
async def livez(request: Asked) -> Answer:
    """503 means: start me again."""
    return _report(await relay_of(request.scope).health.live())


@get("/readyz", opt={PUBLIC: True})
async def readyz(request: Asked) -> Answer:
    """503 means: send me nothing now."""
    return _report(await relay_of(request.scope).health.ready())


@get("/metrics", opt={PUBLIC: "loopback"})
async def metrics(request: Asked) -> Answer:
    """Counters, gauges and histograms of this process."""
    return text_answer(relay_of(request.scope).metrics.render(), CONTENT_TYPE)


ROUTES = [logs, matches, events, websocket, livez, readyz, metrics]


def create_app(relay: Relay) -> App:
    """The routes behind credentials, behind limits on what comes in."""
    if open_to_nobody := unruled(ROUTES):
        raise RuntimeError(f"these routes name no scope: {', '.join(open_to_nobody)}")

    def guarded(app: Any) -> Any:
        return authenticated(app, relay.keys, relay.load)

    app = Litestar(
        route_handlers=ROUTES,
        middleware=[guarded],
        exception_handlers={Exception: refuse},
        state=State({"relay": relay}),
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    return entrance(app, load=relay.load, metrics=relay.metrics, larger={})


def refuse(request: Asked, error: Exception) -> Response[bytes]:
    """Every refusal is a problem."""
    status, headers, body = to_answer(error, request.scope, call_of(request.scope).trace_id)
    shown = {name.decode(): value.decode("latin-1") for name, value in headers}
    return Response(content=body, status_code=status, headers=shown, media_type="application/problem+json")


def _report(report: HealthReport) -> Answer:
    return json_answer(report, 200 if report.ok else 503)
