"""One trace per execution, through every process, received by a real OTLP receiver and decoded."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from tests.support.otlp import Receiver, Span
from tests.support.platform import platform

METERS = (
    ("onward-gateway", "onward_http_in_flight"),
    ("onward-worker", "onward_worker_slots"),
    ("onward-execution-state", "onward_timers_set_total"),
    ("onward-log-relay", "onward_loop_lag_seconds"),
)
"""A metric of each service."""
CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{CALLER}-00f067aa0ba902b7-01"


async def test_one_trace_leads_from_the_caller_over_the_gateway_and_the_worker_to_the_projection(
    tmp_path: Path,
) -> None:
    receiver = Receiver()
    otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    otel["OTEL_METRIC_EXPORT_INTERVAL"] = "500"

    async def arrived(*wanted: tuple[str, str]) -> list[Span]:
        return await asyncio.to_thread(receiver.until, all_of(*wanted))

    try:
        async with platform(tmp_path, workers=2, **otel) as onward:
            body = {"task": "five", "input": {"count": 3, "seconds": 0.1, "hold": 2}}
            status, made = await onward.call("POST", "/executions", body, traceparent=PARENT)
            assert status == 202
            begun = await onward.effect(execution_id=made["id"], step=2, what="begin")
            await arrived(("onward.step", "step 1"))
            onward.kill(next(name for name, p in onward.processes.items() if p.pid == begun["pid"]))
            onward.let_go()
            ended = await onward.ended(made["id"])
            assert (ended["status"], ended["trace_id"]) == ("completed", CALLER)
            spans = await arrived(
                ("onward.submit", ""),
                ("onward.attempt", ""),
                ("onward.step", "step 3"),
                ("onward.project", "submitted"),
                ("onward.project", "completed"),
            )
            figures = await asyncio.to_thread(receiver.until_named, *METERS)
            first, second = [e["trace"] for e in await onward.events(made["id"]) if e["type"] == "started"]
    finally:
        receiver.close()
    assert {first[3:35], second[3:35]} == {CALLER}
    slots = {figure.value for figure in figures if figure.name == "onward_worker_slots"}
    assert slots == {10.0}, "every service sends its metrics as well"
    (submit,) = (s for s in spans if s.name == "onward.submit")
    assert (submit.service, submit.parent_id, submit.trace_id) == ("onward-gateway", PARENT[36:52], CALLER)
    (resumed,) = (s for s in spans if s.name == "onward.attempt")  # the other one died with its worker
    assert (resumed.parent_id, resumed.span_id) == (submit.span_id, second[36:52])
    assert resumed.links == (first[36:52],), "a resumed attempt links to the one before"
    assert {(label(s), s.parent_id) for s in spans if s.name == "onward.step"} == {
        ("step 1", first[36:52]),
        ("step 2", second[36:52]),
        ("step 3", second[36:52]),
    }
    assert {(s.service, label(s), s.trace_id, s.parent_id) for s in spans if s.name == "onward.project"} == {
        ("onward-execution-state", "submitted", CALLER, submit.span_id),
        ("onward-execution-state", "completed", CALLER, resumed.span_id),
    }


def label(span: Span) -> str:
    return span.attributes.get("step.name") or span.attributes.get("event.type") or ""


def all_of(*wanted: tuple[str, str]) -> Callable[[list[Span]], bool]:
    return lambda spans: set(wanted) <= {(span.name, label(span)) for span in spans}
