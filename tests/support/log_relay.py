"""Logs to read, executions they belong to, and a relay over the bus in memory."""

from datetime import UTC, datetime, timedelta

from onward.contract import lines as li
from onward.contract import subjects
from onward.contract.decide import Hint, Moment, Owner, envelope, meet, submit
from onward.contract.events import Completed
from onward.contract.log import Decision
from onward.http.auth import new_key
from onward.http.load import Load
from onward.process.health import Health
from onward.process.metrics import Metrics
from onward_log_relay.relay import Relay
from onward_log_relay.settings import Settings

PROJECT = "default"
ID = "01939e5c-0000-7000-8000-000000000001"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY, SPEC = new_key(PROJECT, now=NOON, name="test")


class LogBuilder:
    """Makes the chunks of one log, line by line, as a worker would."""

    def __init__(self, execution_id=ID):
        self.execution_id = execution_id
        self.lines = []
        self.counts = {}

    def chunk(self, *texts, level="info", levels=None, attempt=1, end=False, dropped=0, indexed=True):
        """The next chunk, encoded."""
        first = len(self.lines) + 1
        levels = levels or [level] * len(texts)
        new = [
            li.Line(first + i, NOON + timedelta(seconds=first + i), levels[i], "stdout", attempt, None, text)
            for i, text in enumerate(texts)
        ]
        counts = {}
        for line in new:
            counts[line.level] = counts.get(line.level, 0) + 1
        chunk = li.Chunk(
            execution_id=self.execution_id, attempt=attempt, worker_id="w1", first=first, count=len(new),
            levels=counts, before=dict(self.counts) if indexed else {}, dropped=dropped, lines=new, end=end,
        )  # fmt: skip
        self.lines += new
        for name, n in counts.items():
            self.counts[name] = self.counts.get(name, 0) + n
        return li.encode(chunk)

    @property
    def texts(self):
        """All texts so far."""
        return [line.text for line in self.lines]


class MemoryLog(LogBuilder):
    """A log that is stored in the bus in memory as it is built."""

    def __init__(self, bus, execution_id=ID, project=PROJECT):
        super().__init__(execution_id)
        self.stream, self.subject = bus.lines, subjects.logs(project, execution_id)

    def add(self, *texts, **options):
        """Append a chunk; its sequence."""
        stored = self.stream.chunks.get(self.subject, [])
        return self.stream.append(
            self.subject, self.chunk(*texts, **options), stored[-1].sequence if stored else 0
        )

    def elsewhere(self, count=1):
        """Chunks of other executions in between."""
        for _ in range(count):
            other = f"onward.logs.{PROJECT}.other-{self.stream.last}"
            self.stream.append(other, b"{}", 0)


class Life:
    """An execution and what happens to it."""

    def __init__(self, process, execution_id=ID, project=PROJECT):
        self.process, self.project, self.execution_id = process, project, execution_id
        self.count = 0

    def moment(self):
        self.count += 1
        return Moment(
            now=NOON + timedelta(seconds=self.count), new_id=lambda: f"e{self.count}", actor=None, trace=None
        )

    async def submitted(self):
        event = submit(
            execution_id=self.execution_id, project=self.project, moment=self.moment(), queue="default", priority=5,
            run_at=None, task="talk",
        )  # fmt: skip
        await self._append(0, event)
        return self

    async def started(self):
        log = await self.process.events.read(self.project, self.execution_id)
        hint = Hint(
            project=self.project, execution_id=self.execution_id, route=log.execution.route, work_sequence=1,
            ack_subject="ack", n=log.execution.n,
        )  # fmt: skip
        claim = meet(log.execution, hint, Owner(worker_id="w1", connection="c1"), self.moment())
        await self._append(log.sequence, *claim.events)
        return self

    async def completed(self):
        log = await self.process.events.read(self.project, self.execution_id)
        await self._append(log.sequence, Completed(**envelope(log.execution, self.moment())))
        return self

    async def _append(self, expected, *events):
        await self.process.events.append(
            Decision(project=self.project, execution_id=self.execution_id, expected=expected, events=events)
        )


def find_key(project, public_id):
    """The one key there is."""
    return SPEC if (project, public_id) == (PROJECT, SPEC.id) else None


def relay_over(process, find_key=find_key, **settings):
    """A relay over the ports of a process."""
    return Relay(
        events=process.events, lines=process.lines, messages=process.messages, find_key=find_key, load=Load(),
        health=Health(), metrics=Metrics(), settings=Settings(nats_url="nats://none", port=0, **settings),
    )  # fmt: skip
