"""One span for each event that begins or ends a life, once it is in Postgres; only where spans are exported."""

import time
from collections.abc import Sequence

import msgspec

from onward.bus.ports import Raw
from onward.telemetry.trace import exporting, past_span

SHOWN = frozenset({"submitted", "retry_requested", "completed", "failed", "cancelled"})


class _Traced(msgspec.Struct):
    """What a span tells of an event."""

    type: str
    execution_id: str
    n: int
    trace: str | None = None


_traced = msgspec.json.Decoder(_Traced)


def tell(batch: Sequence[Raw], seconds: float) -> None:
    """Makes the spans of events that are in Postgres as of now, which took so long."""
    if not exporting():
        return
    ended = time.time_ns()
    begun = ended - int(seconds * 1e9)
    for raw in batch:
        try:
            event = _traced.decode(raw.data)
        except msgspec.MsgspecError:
            continue  # set aside by the projection
        if event.trace is not None and event.type in SHOWN:
            past_span(
                "onward.project", begun, ended, parent=event.trace, kind="consumer",
                execution_id=event.execution_id, event_type=event.type, event_n=event.n,
            )  # fmt: skip
