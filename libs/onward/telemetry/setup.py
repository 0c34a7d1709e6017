"""Turns telemetry on: OTLP over HTTP when the standard variables are set, structured logs always."""

import logging
import os
import socket
import sys
import threading
from collections.abc import Mapping

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from onward.contract.errors import Misconfigured
from onward.telemetry import trace
from onward.telemetry.json_lines import JsonLines

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FLUSH_SECONDS = 2.0
"""How long the last spans may take; a receiver that is silent must not keep a service from ending."""
_PROTOCOL = "http/protobuf"

log = logging.getLogger(__name__)


class Telemetry:
    """What was started; `shutdown` sends what is left."""

    def __init__(self, provider: TracerProvider | None) -> None:
        self._provider = provider

    def shutdown(self) -> None:
        """Exports the last spans, as far as that is quick, and makes no more."""
        if self._provider is None:
            return
        trace.enable(None)
        flushing = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)


def start_telemetry(service: str, instance: str = "") -> Telemetry:
    """Sets up logs, and traces where the standard variables ask for them. Once a process. Raises Misconfigured.

    The instance is the host and the pid where nothing else is given.
    """
    _log_to_stderr(service, level_of(os.environ))
    if not wants_traces(os.environ):
        return Telemetry(None)
    named = {
        "service.name": service,
        "service.instance.id": instance or f"{socket.gethostname()}-{os.getpid()}",
    }
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(os.environ)))
    trace.enable(provider.get_tracer("onward"))
    log.info("exporting traces")
    return Telemetry(provider)


def level_of(env: Mapping[str, str]) -> str:
    """The log level that ONWARD_LOG_LEVEL names. Raises Misconfigured."""
    level = (env.get("ONWARD_LOG_LEVEL") or "INFO").upper()
    if level not in LEVELS:
        raise Misconfigured(f"ONWARD_LOG_LEVEL is {level!r}", fix=f"set it to one of {', '.join(LEVELS)}")
    return level


def wants_traces(env: Mapping[str, str]) -> bool:
    """Whether the standard variables name a receiver, and do not turn traces off."""
    off = env.get("OTEL_SDK_DISABLED", "").lower() == "true" or env.get("OTEL_TRACES_EXPORTER") == "none"
    named = env.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or env.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return bool(named) and not off


def _exporter(env: Mapping[str, str]) -> SpanExporter:
    spoken = env.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or env.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if spoken and spoken != _PROTOCOL:
        log.warning("OTEL_EXPORTER_OTLP_PROTOCOL is %s, and only %s is spoken here", spoken, _PROTOCOL)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
    except ImportError as error:
        raise Misconfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set but the exporter is not installed",
            fix="pip install 'onward[otlp]'",
        ) from error
    try:
        return OTLPSpanExporter()
    except (ValueError, OSError) as error:
        raise Misconfigured(
            f"an OTEL_EXPORTER_OTLP_… variable does not fit: {error}", fix="mend it, or unset it"
        ) from error


def _log_to_stderr(service: str, level: str) -> None:
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(JsonLines(service))
    # At the handler too: what captures a task's log lowers the level of the root.
    handler.setLevel(level)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
