"""What a metric says at one moment; /metrics and OTLP are written from the same readings."""

from collections.abc import Mapping

import msgspec


class Buckets(msgspec.Struct, frozen=True):
    """How many of the measured values fell between the bounds: one count more than there are bounds."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


class Point(msgspec.Struct, frozen=True):
    """One series of a metric."""

    labels: Mapping[str, str]
    value: float | Buckets


class Reading(msgspec.Struct, frozen=True):
    """One metric with all of its series; the kind is `counter`, `gauge` or `histogram`."""

    name: str
    help: str
    kind: str
    points: tuple[Point, ...]
