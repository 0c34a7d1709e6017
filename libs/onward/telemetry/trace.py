"""Spans and W3C trace context. Costs next to nothing while no exporter is configured."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

# A later version may have more members; version 00 has none, and ff is no version.
_TRACEPARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_OFF: AbstractContextManager[Span | None] = nullcontext()

_exporting = False
_tracer: trace.Tracer = trace.get_tracer("onward")


def enable(tracer: trace.Tracer | None) -> None:
    """From now on spans are made and exported; with None no more."""
    global _exporting, _tracer
    _exporting, _tracer = tracer is not None, tracer or _tracer


def exporting() -> bool:
    """Whether spans go anywhere."""
    return _exporting


def traceparent() -> str | None:
    """The span that is open here as a W3C traceparent; None outside of one, and while nothing is exported."""
    if not _exporting:
        return None
    return render(trace.get_current_span().get_span_context())


def render(context: SpanContext) -> str | None:
    """A span context as a W3C traceparent."""
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def accepted(header: str) -> str | None:
    """A caller's traceparent in the version that is written here; None for a malformed one."""
    found = _match(header)
    if found is None or found["version"] == "00":
        return header if found else None
    return f"00-{found['trace']}-{found['span']}-{found['flags']}"


def parse(header: str | None) -> SpanContext | None:
    """The span context of a W3C traceparent; None for none and for a malformed one."""
    found = _match(header or "")
    if found is None:
        return None
    return SpanContext(
        trace_id=int(found["trace"], 16),
        span_id=int(found["span"], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(found["flags"], 16)),
    )


def _match(header: str) -> re.Match[str] | None:
    found = _TRACEPARENT.fullmatch(header)
    return None if found is None or (found["version"] == "00" and found["more"]) else found


def span(
    name: str,
    *,
    parent: str | None = None,
    link: str | None = None,
    kind: str = "internal",
    forget: type[Exception] | tuple[()] = (),
    **attributes: Any,
) -> AbstractContextManager[Span | None]:
    """A span around a block: under `parent` (a traceparent) or the current one, linked to `link`.

    Where the block raises `forget`, what the span is about has not happened, and nobody hears of it. An attribute
    `step_name` is called `step.name`, one with a dot as it is; None is left out. Gives None while nothing is exported.
    """
    if not _exporting:
        return _OFF
    linked = parse(link)
    made = _tracer.start_span(
        name,
        context=_below(parent),
        kind=SpanKind[kind.upper()],
        links=[Link(linked)] if linked else None,
        attributes=_named(attributes),
    )
    return _within(made, forget)


@contextmanager
def _within(made: Span, forget: type[Exception] | tuple[()]) -> Iterator[Span]:
    # Exceptions are not recorded: the message of a task's code may hold what must not leave.
    with trace.use_span(made, record_exception=False, set_status_on_exception=False):
        try:
            yield made
        except forget:
            raise
        except Exception as error:
            _fail(made, _kind(error), theirs=_is_refusal(error))
            made.end()
            raise
        except BaseException:
            made.end()
            raise
        else:
            made.end()


def note(**attributes: Any) -> None:
    """Adds attributes to the span that is open here."""
    if _exporting:
        trace.get_current_span().set_attributes(_named(attributes))


def note_failure(kind: str) -> None:
    """Says that what the span that is open here stands for failed, by the type of the error."""
    if _exporting:
        _fail(trace.get_current_span(), kind)


def past_span(
    name: str, begun: int, ended: int, *, parent: str | None, kind: str = "internal", **attributes: Any
) -> None:
    """A span of what is over, from `begun` to `ended` in nanoseconds since the epoch."""
    if _exporting:
        _tracer.start_span(
            name,
            context=_below(parent),
            kind=SpanKind[kind.upper()],
            attributes=_named(attributes),
            start_time=begun,
        ).end(ended)


def _below(parent: str | None) -> Context | None:
    above = parse(parent)
    return None if above is None else trace.set_span_in_context(trace.NonRecordingSpan(above))


def _named(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        key if "." in key else key.replace("_", ".", 1): value
        for key, value in attributes.items()
        if value is not None
    }


def _fail(made: Span, kind: str, *, theirs: bool = False) -> None:
    made.set_attribute("error.type", kind)
    if not theirs:
        made.set_status(Status(StatusCode.ERROR))


def _kind(error: Exception) -> str:
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else type(error).__qualname__


def _is_refusal(error: Exception) -> bool:
    """Whether it is the caller who can mend it."""
    status = getattr(error, "status", None)
    return isinstance(status, int) and status < 500
