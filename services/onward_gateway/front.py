"""The way of a submission and of a read by id to their handlers, without the framework's routing.

That is a tenth of what the gateway does for one. Everything that decides is the same: the guard, the handler, and what
a refusal looks like.
"""

from collections.abc import Callable
from typing import Any

from litestar import Litestar, Request

from onward.contract.errors import OnwardError
from onward.contract.ids import is_execution_id
from onward.http.auth import App
from onward.http.call import call_of
from onward.http.problems import to_answer
from onward_gateway.executions import get_execution
from onward_gateway.gateway import Gateway
from onward_gateway.submit import PATH, submit

_ONE = PATH + "/"
_SHOWN = _ONE + "{execution_id}"


def fronted(app: Litestar, guarded: Callable[[App], App], gateway: Gateway) -> App:
    """`app`, which POST of one submission and GET of one execution by its whole id go round."""

    async def submitted(scope: Any, receive: Any, send: Any) -> None:
        await (await submit.fn(Request(scope, receive, send)))(scope, receive, send)

    async def shown(scope: Any, receive: Any, send: Any) -> None:
        await (await get_execution.fn(Request(scope, receive, send)))(scope, receive, send)

    submitting, showing = guarded(submitted), guarded(shown)

    async def front(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        path, method = scope["path"], scope["method"]
        if method == "POST" and path == PATH:
            door, scope["path_template"], scope["route_handler"] = submitting, PATH, submit
        elif method == "GET" and path.startswith(_ONE) and is_execution_id(path[len(_ONE) :]):
            door, scope["path_template"], scope["route_handler"] = showing, _SHOWN, get_execution
            scope["path_params"] = {"execution_id": path[len(_ONE) :]}
        else:
            await app(scope, receive, send)
            return
        scope["litestar_app"] = app
        begun = False

        async def noted(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await door(scope, receive, noted)
        except Exception as error:
            if begun:
                raise
            status, headers, body = refused(gateway, scope, error)
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    return front


def refused(gateway: Gateway, scope: Any, error: Exception) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body of a refusal, of which the audit is told where it is about such."""
    if isinstance(error, OnwardError):
        gateway.refusals.hear(scope, error)
    return to_answer(error, scope, call_of(scope).trace_id)
