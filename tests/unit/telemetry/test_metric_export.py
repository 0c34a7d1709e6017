"""Metrics by OTLP, as a receiver decodes them."""

import asyncio
import logging

import pytest

from onward.contract.errors import Misconfigured
from onward.process.metrics import Metrics
from onward.telemetry.setup import start_telemetry, wants
from tests.support.otlp import Figure, Receiver


@pytest.fixture
def receiver(monkeypatch):
    """Where this process sends its metrics, often; traces are off, and its log is as it was afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    made = Receiver()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.endpoint)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    yield made
    made.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def one_of_each() -> Metrics:
    metrics = Metrics()
    metrics.counter("onward_hints_total", "Hints.", ["queue"]).add(3, queue="fast")
    metrics.gauge("onward_lag_seconds", "Lag.").set(lambda: 0.25)
    took = metrics.histogram("onward_took_seconds", "Duration.", buckets=[0.1, 1])
    for seconds in (0.05, 0.5, 0.6, 7):
        took.observe(seconds)
    return metrics


def shown(metrics: Metrics) -> set[str]:
    """The names that /metrics shows."""
    return {line.split()[2] for line in metrics.render().splitlines() if line.startswith("# TYPE")}


async def test_what_is_on_the_metrics_page_is_exported_at_the_end(receiver):
    metrics, telemetry = one_of_each(), start_telemetry("onward-worker")

    telemetry.export(metrics.read)
    telemetry.shutdown()

    got = receiver.until_named(*(("onward-worker", name) for name in shown(metrics)))
    assert sorted(got, key=lambda figure: figure.name) == [
        Figure("onward-worker", "onward_hints_total", "", "sum", {"queue": "fast"}, 3.0),
        Figure("onward-worker", "onward_lag_seconds", "s", "gauge", {}, 0.25),
        Figure("onward-worker", "onward_took_seconds", "s", "histogram", {}, (1, 2, 1)),
    ]


async def test_metrics_are_exported_again_and_again_while_the_process_runs(receiver, monkeypatch):
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "20")
    metrics, telemetry = Metrics(), start_telemetry("onward-gateway")
    counter = metrics.counter("onward_calls_total", "Calls.")
    telemetry.export(metrics.read)

    await asyncio.to_thread(receiver.until_named, ("onward-gateway", "onward_calls_total"))
    counter.add(5)
    async with asyncio.timeout(20):
        while receiver.figures[-1].value != 5:
            await asyncio.sleep(0.01)

    telemetry.shutdown()


async def test_a_metric_that_cannot_be_read_keeps_no_process_from_ending(receiver):
    metrics, telemetry = Metrics(), start_telemetry("onward-gateway")
    metrics.gauge("onward_broken", "Broken.").set(lambda: 1 / 0)
    telemetry.export(metrics.read)

    telemetry.shutdown()

    assert not receiver.figures


def test_an_interval_that_is_none_is_refused(receiver, monkeypatch):
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "0")

    with pytest.raises(Misconfigured, match="OTEL_METRIC_EXPORT_INTERVAL"):
        start_telemetry("onward-gateway")


def test_metrics_can_be_turned_off_alone():
    here = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_METRICS_EXPORTER": "none"}

    assert (wants(here, "metrics"), wants(here, "traces")) == (False, True)
