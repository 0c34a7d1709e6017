"""Spans kept in memory, as an exporter would get them."""

import contextlib
from collections.abc import Iterator

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from onward.telemetry import trace


class Spans:
    """What was exported so far."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def all(self) -> list[ReadableSpan]:
        """Every span, in the order in which they ended."""
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        """Those of this name."""
        return [span for span in self.all() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """The only span of this name."""
        (span,) = self.named(name)
        return span


def id_of(span: ReadableSpan) -> str:
    """Its traceparent."""
    return trace.render(span.get_span_context()) or ""


def parent_of(span: ReadableSpan) -> str | None:
    """The traceparent of the span above."""
    return None if span.parent is None else trace.render(span.parent)


@contextlib.contextmanager
def exported() -> Iterator[Spans]:
    """Spans are made and kept, for as long as this lasts."""
    spans = Spans()
    trace.enable(spans.provider.get_tracer("onward"))
    try:
        yield spans
    finally:
        trace.enable(None)
