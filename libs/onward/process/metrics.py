"""Counters, gauges and histograms of one process; read by whoever exports them, and written as Prometheus text."""

import bisect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from onward.telemetry.reading import Buckets, Point, Reading

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
DURATION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SERIES_LIMIT = 1000  # of one metric; label values beyond it share the series "other"

Labels = tuple[str, ...]


class Metric:
    """What all kinds share: a name, a help text, and one series per combination of label values."""

    kind = "untyped"

    def __init__(self, name: str, help: str, labels: Iterable[str] = ()) -> None:
        self.name = name
        self.help = help
        self.labels = tuple(labels)
        self._seen: set[Labels] = set()

    def _series(self, given: dict[str, str]) -> Labels:
        if given.keys() != set(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {tuple(given)}")
        key = tuple(str(given[label]) for label in self.labels)
        if key not in self._seen:
            if len(self._seen) >= SERIES_LIMIT:
                return ("other",) * len(self.labels)
            self._seen.add(key)
        return key

    def read(self) -> Reading:
        """Returns what it says now."""
        points = tuple(Point(dict(zip(self.labels, key, strict=True)), value) for key, value in self._now())
        return Reading(self.name, self.help, self.kind, points)

    def _now(self) -> Iterator[tuple[Labels, float | Buckets]]:
        """Yields the series with their values."""
        raise NotImplementedError


class Counter(Metric):
    """A number that only grows."""

    kind = "counter"

    def __init__(self, name: str, help: str, labels: Iterable[str] = ()) -> None:
        super().__init__(name, help, labels)
        self._values: dict[Labels, float] = {} if self.labels else {(): 0.0}

    def add(self, amount: float = 1.0, **labels: str) -> None:
        """Counts something that happened."""
        if amount < 0:
            raise ValueError(f"{self.name} only grows")
        key = self._series(labels)
        self._values[key] = self._values.get(key, 0.0) + amount

    def value(self, **labels: str) -> float:
        """Returns what was counted so far."""
        return self._values.get(self._series(labels), 0.0)

    def _now(self) -> Iterator[tuple[Labels, float | Buckets]]:
        return iter(list(self._values.items()))


class Gauge(Metric):
    """A number that goes up and down: set, or read when asked."""

    kind = "gauge"

    def __init__(self, name: str, help: str, labels: Iterable[str] = ()) -> None:
        super().__init__(name, help, labels)
        self._values: dict[Labels, float | Callable[[], float]] = {}

    def set(self, value: float | Callable[[], float], **labels: str) -> None:
        """Sets the value, or the function that knows it."""
        self._values[self._series(labels)] = value

    def forget(self, **labels: str) -> None:
        """Drops the series of something that no longer exists."""
        key = self._series(labels)
        self._values.pop(key, None)
        self._seen.discard(key)

    def value(self, **labels: str) -> float:
        """Returns the value now."""
        value = self._values.get(self._series(labels), 0.0)
        return value() if callable(value) else value

    def _now(self) -> Iterator[tuple[Labels, float | Buckets]]:
        return ((key, value() if callable(value) else value) for key, value in list(self._values.items()))


class Histogram(Metric):
    """How often a measured value fell below each bound."""

    kind = "histogram"

    def __init__(
        self, name: str, help: str, labels: Iterable[str] = (), buckets: Iterable[float] = DURATION_BUCKETS
    ) -> None:
        super().__init__(name, help, labels)
        self._bounds = tuple(sorted(buckets))
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, value: float, **labels: str) -> None:
        """Adds one measured value."""
        key = self._series(labels)
        counts = self._counts.setdefault(key, [0] * (len(self._bounds) + 1))
        counts[bisect.bisect_left(self._bounds, value)] += 1
        self._sums[key] = self._sums.get(key, 0.0) + value

    def _now(self) -> Iterator[tuple[Labels, float | Buckets]]:
        for key, counts in list(self._counts.items()):
            yield key, Buckets(self._bounds, tuple(counts), self._sums[key])


MetricT = TypeVar("MetricT", bound=Metric)


class Metrics:
    """All metrics of one process."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = {}

    def counter(self, name: str, help: str, labels: Iterable[str] = ()) -> Counter:
        """Returns the counter of this name, made at the first call."""
        return self._once(Counter(name, help, labels))

    def gauge(self, name: str, help: str, labels: Iterable[str] = ()) -> Gauge:
        """Returns the gauge of this name, made at the first call."""
        return self._once(Gauge(name, help, labels))

    def histogram(
        self, name: str, help: str, labels: Iterable[str] = (), buckets: Iterable[float] = DURATION_BUCKETS
    ) -> Histogram:
        """Returns the histogram of this name, made at the first call."""
        return self._once(Histogram(name, help, labels, buckets))

    def read(self) -> list[Reading]:
        """Returns what all of them say now."""
        return [metric.read() for metric in list(self._metrics.values())]

    def render(self) -> str:
        """Returns everything in the Prometheus text format."""
        lines = []
        for reading in self.read():
            lines.append(f"# HELP {reading.name} {_escaped(reading.help)}")
            lines.append(f"# TYPE {reading.name} {reading.kind}")
            for point in reading.points:
                lines.extend(_lines(reading.name, point))
        return "\n".join(lines) + "\n"

    def _once(self, metric: MetricT) -> MetricT:
        known = self._metrics.setdefault(metric.name, metric)
        if not isinstance(known, type(metric)) or known.labels != metric.labels:
            raise ValueError(f"{metric.name} exists already, as another metric")
        return known


def _lines(name: str, point: Point) -> Iterator[str]:
    if not isinstance(point.value, Buckets):
        yield _line(name, point.labels, point.value)
        return
    below = 0
    for bound, count in zip((*point.value.bounds, math.inf), point.value.counts, strict=True):
        below += count
        yield _line(f"{name}_bucket", {**point.labels, "le": _number(bound)}, below)
    yield _line(f"{name}_sum", point.labels, point.value.total)
    yield _line(f"{name}_count", point.labels, below)


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {_number(value)}" if labels else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    if value == math.inf:
        return "+Inf"
    return str(int(value)) if float(value).is_integer() else repr(float(value))
