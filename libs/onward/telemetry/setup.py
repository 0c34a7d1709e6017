"""Turns telemetry on: OTLP over HTTP when the standard variables are set, structured logs always."""

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from onward.contract.errors import Misconfigured
from onward.telemetry import trace
from onward.telemetry.json_lines import JsonLines
from onward.telemetry.metric_export import MetricExport, Read, interval_of

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FLUSH_SECONDS = 2.0
"""How long the last spans and figures may take; a receiver that is silent must not keep a service from ending."""
_PROTOCOL = "http/protobuf"

Signal = Literal["traces", "metrics"]
Made = TypeVar("Made")

log = logging.getLogger(__name__)


class Telemetry:
    """What was started; `shutdown` sends what is left."""

    def __init__(self, provider: TracerProvider | None, metrics: MetricExport | None) -> None:
        self._provider, self._metrics = provider, metrics

    def export(self, read: Read) -> None:
        """Send the metrics that `read` gives from now on, where the standard variables ask for it."""
        if self._metrics is not None:
            self._metrics.follow(read)

    def shutdown(self) -> None:
        """Exports the last spans and figures, as far as that is quick, and makes no more."""
        last: list[Callable[[], None]] = []
        if self._metrics is not None:
            last.append(self._metrics.stop())
        if self._provider is not None:
            trace.enable(None)
            last.append(self._provider.shutdown)
        flushing = [threading.Thread(target=send, name="last telemetry", daemon=True) for send in last]
        for thread in flushing:
            thread.start()
        until = time.monotonic() + FLUSH_SECONDS
        for thread in flushing:
            thread.join(max(0.0, until - time.monotonic()))


def start_telemetry(service: str, instance: str = "") -> Telemetry:
    """Sets up logs, and traces and metrics where the standard variables ask for them. Raises Misconfigured.

    Once a process. The instance is the host and the pid where nothing else is given.
    """
    _log_to_stderr(service, level_of(os.environ))
    if not (wants(os.environ, "traces") or wants(os.environ, "metrics")):
        return Telemetry(None, None)
    named = {
        "service.name": service,
        "service.instance.id": instance or f"{socket.gethostname()}-{os.getpid()}",
    }
    resource = Resource.create(named)
    return Telemetry(_traces(resource, os.environ), _metrics(resource, os.environ))


def _traces(resource: Resource, env: Mapping[str, str]) -> TracerProvider | None:
    if not wants(env, "traces"):
        return None
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_made(env, "traces", _span_exporter)))
    trace.enable(provider.get_tracer("onward"))
    log.info("exporting traces")
    return provider


def _metrics(resource: Resource, env: Mapping[str, str]) -> MetricExport | None:
    if not wants(env, "metrics"):
        return None
    made = _made(env, "metrics", lambda: MetricExport(_metric_exporter(), resource, interval_of(env)))
    log.info("exporting metrics")
    return made


def level_of(env: Mapping[str, str]) -> str:
    """The log level that ONWARD_LOG_LEVEL names. Raises Misconfigured."""
    level = (env.get("ONWARD_LOG_LEVEL") or "INFO").upper()
    if level not in LEVELS:
        raise Misconfigured(f"ONWARD_LOG_LEVEL is {level!r}", fix=f"set it to one of {', '.join(LEVELS)}")
    return level


def wants(env: Mapping[str, str], signal: Signal) -> bool:
    """Whether the standard variables name a receiver, and do not turn this signal off."""
    name = signal.upper()
    off = env.get("OTEL_SDK_DISABLED", "").lower() == "true" or env.get(f"OTEL_{name}_EXPORTER") == "none"
    named = env.get(f"OTEL_EXPORTER_OTLP_{name}_ENDPOINT") or env.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return bool(named) and not off


def _span_exporter() -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra

    return OTLPSpanExporter()


def _metric_exporter() -> MetricExporter:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415 - an extra
        OTLPMetricExporter,
    )

    return OTLPMetricExporter()


def _made(env: Mapping[str, str], signal: Signal, make: Callable[[], Made]) -> Made:
    spoken = env.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL") or env.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL"
    )
    if spoken and spoken != _PROTOCOL:
        log.warning("OTEL_EXPORTER_OTLP_PROTOCOL is %s, and only %s is spoken here", spoken, _PROTOCOL)
    try:
        return make()
    except ImportError as error:
        raise Misconfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set but the exporter is not installed",
            fix="pip install 'onward[otlp]'",
        ) from error
    except (ValueError, OSError) as error:
        raise Misconfigured(
            f"an OTEL_… variable does not fit: {error}", fix="mend it, or unset it"
        ) from error


def _log_to_stderr(service: str, level: str) -> None:
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(JsonLines(service))
    # At the handler too: what captures a task's log lowers the level of the root.
    handler.setLevel(level)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
