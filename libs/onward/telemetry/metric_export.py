"""Metrics by OTLP: the same names and series as on /metrics, read on the loop, sent from a thread."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from onward.telemetry.reading import Buckets, Point, Reading

log = logging.getLogger(__name__)

INTERVAL_MS = 60_000
_SCOPE = InstrumentationScope("onward")
_UNITS = {"seconds": "s", "bytes": "By", "share": "1"}

Read = Callable[[], Iterable[Reading]]


def interval_of(env: Mapping[str, str]) -> float:
    """Seconds between two exports, as the standard variable says. Raises ValueError."""
    milliseconds = float(env.get("OTEL_METRIC_EXPORT_INTERVAL") or INTERVAL_MS)
    if not 1 <= milliseconds < float("inf"):
        raise ValueError(f"OTEL_METRIC_EXPORT_INTERVAL is {milliseconds}, not a time in milliseconds")
    return milliseconds / 1000


class MetricExport:
    """What one process sends of its metrics, every `interval` seconds, and once more at its end."""

    def __init__(self, exporter: MetricExporter, resource: Resource, interval: float) -> None:
        self._exporter, self._resource, self._interval = exporter, resource, interval
        self._began = time.time_ns()
        self._read: Read = tuple
        self._sending: asyncio.Task[None] | None = None

    def follow(self, read: Read) -> None:
        """Send what `read` gives, from now on; on the loop that runs here."""
        self._read = read
        self._sending = asyncio.get_running_loop().create_task(self._send(), name="metrics by OTLP")

    def stop(self) -> Callable[[], None]:
        """Read for the last time; returns what sends that, and takes as long as the receiver does."""
        if self._sending is not None:
            self._sending.cancel()
        last = self._data()

        def send() -> None:
            if last is not None:
                self._exporter.export(last)
            self._exporter.shutdown()

        return send

    async def _send(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            data = self._data()
            if (
                data is not None
            ):  # what does not get through is logged, and its sums are in the next one as well
                await asyncio.to_thread(self._exporter.export, data)

    def _data(self) -> MetricsData | None:
        now = time.time_ns()
        try:
            readings = list(self._read())
        except Exception:
            log.exception("a metric cannot be read; none is exported this time")
            return None
        metrics = [_metric(reading, self._began, now) for reading in readings if reading.points]
        scope = ScopeMetrics(_SCOPE, metrics, "")
        return MetricsData([ResourceMetrics(self._resource, [scope], "")])


def _metric(reading: Reading, began: int, now: int) -> Metric:
    data: Sum | Gauge | Histogram
    if reading.kind == "histogram":
        spread = [_spread(p, p.value, began, now) for p in reading.points if isinstance(p.value, Buckets)]
        data = Histogram(spread, AggregationTemporality.CUMULATIVE)
    else:
        numbers = [
            _number(p, p.value, began, now) for p in reading.points if not isinstance(p.value, Buckets)
        ]
        data = (
            Gauge(numbers)
            if reading.kind == "gauge"
            else Sum(numbers, AggregationTemporality.CUMULATIVE, is_monotonic=True)
        )
    return Metric(reading.name, reading.help, _unit(reading.name), data)


def _number(point: Point, value: float, began: int, now: int) -> NumberDataPoint:
    return NumberDataPoint(
        attributes=dict(point.labels), start_time_unix_nano=began, time_unix_nano=now, value=value
    )


def _spread(point: Point, value: Buckets, began: int, now: int) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=dict(point.labels),
        start_time_unix_nano=began,
        time_unix_nano=now,
        count=sum(value.counts),
        sum=value.total,
        bucket_counts=value.counts,
        explicit_bounds=value.bounds,
        min=None,  # type: ignore[arg-type] # not known, and may be left out on the wire
        max=None,  # type: ignore[arg-type] # as above
    )


def _unit(name: str) -> str:
    return _UNITS.get(name.removesuffix("_total").rpartition("_")[2], "")
