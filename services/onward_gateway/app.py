"""The application: its routes, and the layers around them."""

from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.datastructures import State

from onward.http.answer import Answer, raw_answer
from onward.http.auth import App, authenticated, unruled
from onward.http.entrance import Larger, entrance
from onward_gateway import (
    alerting,
    amending,
    analytics,
    api_keys,
    approving,
    audit_export,
    auditing,
    batch,
    bulk,
    catalog,
    children,
    control,
    counting,
    error_groups,
    executions,
    explaining,
    forward,
    health,
    large,
    losses,
    pausing,
    performer,
    policy_routes,
    questions,
    receive,
    repair,
    rerun,
    scheduling,
    sessions,
    stream,
    submit,
    upcoming,
    web,
    webhook_secrets,
    webhooks_in,
    workers,
)
from onward_gateway.document import document
from onward_gateway.front import fronted, refused
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.resources.routes import routes_of
from onward_gateway.resources.table import KINDS
from onward_gateway.routes import Door, Operation, describe

LARGER_BODIES = {
    batch.PATH: Larger(batch.MAX_BODY, unannounced=batch.MAX_BODY),
    submit.PATH: Larger(submit.MAX_BODY, at="/input"),
}


@get(
    "/api/v1/openapi.json",
    opt=describe(Operation(summary="This description, as OpenAPI 3.1", answers={200: dict[str, Any]})),
)
async def openapi(request: Door) -> Answer:
    """What this gateway can be asked."""
    return raw_answer(gateway_of(request).openapi)


ROUTES = [
    submit.submit,
    submit.route,
    batch.submit_batch,
    executions.list_executions,
    counting.count_open,
    executions.get_execution,
    executions.list_events,
    executions.list_attempts,
    executions.list_steps,
    executions.list_checkpoints,
    children.list_children,
    performer.get_performer,
    explaining.explain_execution,
    large.get_value,
    forward.logs,
    forward.matches,
    stream.events,
    control.cancel,
    repair.retry,
    rerun.rerun,
    control.answer,
    amending.amend,
    policy_routes.dry_run,
    pausing.pause,
    pausing.resume,
    receive.send_event,
    questions.list_questions,
    approving.approve,
    approving.reject,
    *bulk.ROUTES,
    *alerting.ROUTES,
    catalog.list_tasks,
    catalog.get_task,
    *workers.ROUTES,
    *losses.ROUTES,
    *[route for kind in KINDS for route in routes_of(kind)],
    analytics.summary,
    analytics.trend,
    analytics.breakdown,
    analytics.slow_steps,
    analytics.workers,
    analytics.utilisation,
    error_groups.list_error_groups,
    error_groups.get_error_group,
    auditing.list_audit,
    auditing.verify_audit,
    audit_export.export_audit,
    api_keys.create_key,
    api_keys.list_keys,
    api_keys.get_key,
    api_keys.rotate_key,
    api_keys.revoke_key,
    *sessions.ROUTES,
    openapi,
    *scheduling.ROUTES,
    *upcoming.ROUTES,
    webhooks_in.call_webhook,
    webhook_secrets.new_secret,
    forward.websocket,
    health.livez,
    health.readyz,
    health.metrics,
]


def create_app(gateway: Gateway) -> App:
    """The routes behind credentials, behind limits on what comes in."""
    gateway.openapi = msgspec.json.encode(document(ROUTES))

    if open_to_nobody := unruled(ROUTES):
        raise RuntimeError(f"these routes name no scope: {', '.join(open_to_nobody)}")

    def guarded(app: Any) -> Any:
        return authenticated(app, gateway.keys, gateway.load)

    app = Litestar(
        route_handlers=[*ROUTES, *web.PAGES],
        middleware=[guarded],
        exception_handlers={Exception: refuse},
        state=State({"gateway": gateway}),
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    front = fronted(app, guarded, gateway)
    return entrance(front, load=gateway.load, metrics=gateway.metrics, larger=LARGER_BODIES)


def refuse(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Every refusal is a problem, and those that the audit is about are told to it."""
    status, headers, body = refused(request.app.state["gateway"], request.scope, error)
    shown = {name.decode(): value.decode("latin-1") for name, value in headers}
    return Response(content=body, status_code=status, headers=shown, media_type="application/problem+json")
