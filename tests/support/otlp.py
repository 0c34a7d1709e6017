"""A real OTLP receiver on loopback: takes protobuf over HTTP, keeps the spans and the metrics."""

import gzip
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Span(msgspec.Struct, frozen=True):
    """What a test asks of a span."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    attributes: dict[str, str]


class Figure(msgspec.Struct, frozen=True):
    """What a test asks of one series of a metric: its value, or the counts of its buckets."""

    service: str
    name: str
    unit: str
    kind: str
    attributes: dict[str, str]
    value: float | tuple[int, ...]


class Receiver:
    """`endpoint` for OTEL_EXPORTER_OTLP_ENDPOINT; `spans` so far, and the `figures` of all exports."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.figures: list[Figure] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/metrics":
                    receiver.figures += figures(body)
                    answer = ExportMetricsServiceResponse().SerializeToString()
                else:
                    assert self.path == "/v1/traces"
                    receiver.spans += decoded(body)
                    answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def until(self, is_so: Callable[[list[Span]], bool], within: float = 40.0) -> list[Span]:
        """The spans once `is_so` of them."""
        deadline = time.monotonic() + within
        while not is_so(self.spans):
            assert time.monotonic() < deadline, [(span.service, span.name) for span in self.spans]
            time.sleep(0.05)
        return list(self.spans)

    def until_named(self, *names: tuple[str, str], within: float = 40.0) -> list[Figure]:
        """The figures once those of each (service, name) are there."""
        deadline = time.monotonic() + within
        while missing := set(names) - {(figure.service, figure.name) for figure in self.figures}:
            assert time.monotonic() < deadline, missing
            time.sleep(0.05)
        return list(self.figures)

    def close(self) -> None:
        """Receive no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def decoded(body: bytes) -> list[Span]:
    """The spans of one export request."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        Span(
            service=next(a.value.string_value for a in group.resource.attributes if a.key == "service.name"),
            name=span.name,
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            links=tuple(link.span_id.hex() for link in span.links),
            attributes={a.key: a.value.string_value or str(a.value.int_value) for a in span.attributes},
        )
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def figures(body: bytes) -> list[Figure]:
    """The series of one export request."""
    request = ExportMetricsServiceRequest.FromString(body)
    return [
        Figure(
            service=next(a.value.string_value for a in group.resource.attributes if a.key == "service.name"),
            name=metric.name,
            unit=metric.unit,
            kind=str(metric.WhichOneof("data")),
            attributes={a.key: a.value.string_value for a in point.attributes},
            value=tuple(point.bucket_counts) if metric.HasField("histogram") else _number(point),
        )
        for group in request.resource_metrics
        for scope in group.scope_metrics
        for metric in scope.metrics
        for point in getattr(metric, str(metric.WhichOneof("data"))).data_points
    ]


def _number(point: Any) -> float:
    return float(getattr(point, point.WhichOneof("value")))
