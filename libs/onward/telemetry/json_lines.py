"""Log records as lines of JSON, each with the trace and the execution it belongs to."""

import logging
from datetime import UTC, datetime

import msgspec

from onward.telemetry import scope, trace


class JsonLines(logging.Formatter):
    """One JSON object a record; what is not known is left out."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Returns the record as a line."""
        trace_id, span_id = _ids(trace.traceparent(), scope.cause.get())
        line = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": _clean(record.getMessage()),
            # `extra={"execution_id": …}` says it where a loop speaks of many.
            "execution_id": getattr(record, "execution_id", None) or scope.execution_id.get(),
            "trace_id": trace_id,
            "span_id": span_id,
            "stack": _clean(self.formatException(record.exc_info)) if record.exc_info else None,
        }
        return msgspec.json.encode({key: value for key, value in line.items() if value is not None}).decode()


def _ids(current: str | None, cause: str | None) -> tuple[str | None, str | None]:
    """Trace and span; only the trace where no span of ours is open."""
    if current is not None:
        return current[3:35], current[36:52]
    return (None, None) if cause is None else (cause[3:35], None)


def _clean(text: str) -> str:
    # A lone surrogate, as in the name of a file, is no JSON.
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
