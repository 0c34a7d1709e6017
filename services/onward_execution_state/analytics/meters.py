"""What Prometheus reads of queues and of what has ended; any autoscaler can follow `onward_desired_workers`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from onward.contract.sizing import suggest
from onward.process.metrics import Gauge, Metrics
from onward_execution_state.analytics.sizing import SizingAnswers
from onward_execution_state.database import Database
from onward_execution_state.ended import Kind
from onward_execution_state.overview import OfProject, Overview
from onward_execution_state.statements import load

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0)
_OF_QUEUE = ("project", "queue")
_PROJECTS = load("analytics.sql")["projects"]


class EndMeters:
    """Counted with the rollups, by the replica that counts."""

    def __init__(self, metrics: Metrics) -> None:
        self._ended = metrics.counter(
            "onward_executions_ended_total", "Lives of executions that ended", (*_OF_QUEUE, "outcome")
        )
        self._duration = metrics.histogram(
            "onward_execution_duration_seconds", "From the first claim to the end", _OF_QUEUE, _SECONDS
        )
        self._wait = metrics.histogram(
            "onward_execution_queue_wait_seconds",
            "From when it could start to its first claim",
            _OF_QUEUE,
            _SECONDS,
        )

    def add(self, ends: Iterable[Any], kinds: dict[int, Kind]) -> None:
        """Ends that are counted now."""
        for end in ends:
            kind = kinds[end["kind"]]
            queue = {"project": kind.project, "queue": kind.queue or ""}
            self._ended.add(1, **queue, outcome=end["outcome"])
            if end["duration_ms"] is not None:
                self._duration.observe(end["duration_ms"] / 1000, **queue)
            if end["wait_ms"] is not None:
                self._wait.observe(end["wait_ms"] / 1000, **queue)


class QueueMeters:
    """The loop's work: looks at each queue and sets its gauges."""

    def __init__(
        self, database: Database, overview: Overview, sizing: SizingAnswers, metrics: Metrics
    ) -> None:
        self._database, self._overview, self._sizing = database, overview, sizing
        self._waiting = metrics.gauge("onward_queue_waiting", "Hints that nobody took yet", _OF_QUEUE)
        self._running = metrics.gauge("onward_queue_running", "Executions that a worker holds", _OF_QUEUE)
        self._oldest = metrics.gauge(
            "onward_queue_oldest_seconds", "How long the first one that could run has waited", _OF_QUEUE
        )
        self._workers = metrics.gauge("onward_queue_workers", "Workers that take from it", _OF_QUEUE)
        self._slots = metrics.gauge("onward_queue_slots", "Slots of these workers", _OF_QUEUE)
        self._desired = metrics.gauge(
            "onward_desired_workers", "Workers that keep waits short: what an autoscaler follows", _OF_QUEUE
        )
        self._shown: set[tuple[str, str]] = set()

    async def run_once(self, now: datetime) -> None:
        """Every queue of every project."""
        shown = set()
        for row in await self._database.ask(_PROJECTS):
            project = row["project"]
            oldest = {
                queue.queue: queue.oldest
                for queue in await self._overview.queues(msgspec.json.encode(OfProject(project=project)))
            }
            for load_ in await self._sizing.loads(project):
                queue, first = {"project": project, "queue": load_.queue}, oldest.get(load_.queue)
                self._waiting.set(load_.waiting, **queue)
                self._running.set(load_.running, **queue)
                self._oldest.set(max(0.0, (now - first).total_seconds()) if first else 0.0, **queue)
                self._workers.set(load_.workers, **queue)
                self._slots.set(load_.slots, **queue)
                self._desired.set(suggest(load_).suggested, **queue)
                shown.add((project, load_.queue))
        for project, name in self._shown - shown:
            for gauge in self._gauges():
                gauge.forget(project=project, queue=name)
        self._shown = shown

    def _gauges(self) -> tuple[Gauge, ...]:
        return self._waiting, self._running, self._oldest, self._workers, self._slots, self._desired
