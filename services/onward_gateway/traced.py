"""One span for each request that changes something; its context goes into the events that the request stores."""

from collections.abc import Awaitable, Callable
from functools import wraps

from onward.contract.errors import OnwardError
from onward.http.answer import Answer
from onward.http.call import call_of
from onward.telemetry import scope
from onward.telemetry.trace import exporting, note, span, traceparent
from onward_gateway.routes import Door

_STATUS = "http.response.status_code"
Handler = Callable[[Door], Awaitable[Answer]]


def traced(name: str) -> Callable[[Handler], Handler]:
    """A route within a span of this name, under the caller's; nothing is added while nothing is exported."""

    def within(handle: Handler) -> Handler:
        @wraps(handle)
        async def spanned(request: Door) -> Answer:
            if not exporting():
                return await handle(request)
            call = call_of(request.scope)
            with span(name, parent=call.parent, kind="server"):
                call.traceparent = traceparent() or call.traceparent
                scope.cause.set(call.traceparent)
                try:
                    answer = await handle(request)
                except OnwardError as error:
                    note(**{_STATUS: error.status})
                    raise
                note(**{_STATUS: answer.status})
                return answer

        return spanned

    return within
