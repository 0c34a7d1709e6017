"""The way of a submission to its handler, without the framework's routing: a tenth of what the gateway does for one.

Everything that decides is the same: the guard, the handler, and what a refusal looks like.
"""

from collections.abc import Callable
from typing import Any

from litestar import Litestar, Request

from onward.contract.errors import OnwardError
from onward.http.auth import App
from onward.http.call import call_of
from onward.http.problems import to_answer
from onward_gateway.gateway import Gateway
from onward_gateway.submit import PATH, submit


def fronted(app: Litestar, guarded: Callable[[App], App], gateway: Gateway) -> App:
    """`app`, which POST of one submission goes round."""

    async def handled(scope: Any, receive: Any, send: Any) -> None:
        answer = await submit.fn(Request(scope, receive, send))
        await answer(scope, receive, send)

    door = guarded(handled)

    async def front(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await app(scope, receive, send)
            return
        scope["litestar_app"] = app
        scope["path_template"], scope["route_handler"] = PATH, submit
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
