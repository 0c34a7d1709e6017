"""What a simulated run writes down: who did what, in the one order in which it happened."""

from onward.bus.ports import EventLog
from onward.contract import events as ev
from onward.contract.errors import FenceLost
from onward.contract.log import Decision
from onward.testing.history import Effect, Fault, History, Record


class Book:
    """Who did what, in the one order in which it happened."""

    def __init__(self) -> None:
        self.history = History(records=[], effects=[], faults=[], rows=[])
        self._t = 0

    def tick(self) -> int:
        self._t += 1
        return self._t

    def record(self, process: str, type: str, op: str, **fields) -> None:
        self.history.records.append(Record(t_ns=self.tick(), process=process, type=type, op=op, **fields))

    def effect(self, process: str, execution_id: str, step: str, attempt: int, what: str) -> None:
        self.history.effects.append(
            Effect(
                t_ns=self.tick(),
                process=process,
                execution_id=execution_id,
                step=step,
                attempt=attempt,
                what=what,
            )
        )

    def fault(self, kind: str, target: str, *, landed: bool) -> None:
        t = self.tick()
        self.history.faults.append(Fault(t_ns=t, until_ns=t, kind=kind, target=target, landed=landed))


class Witnessed:
    """An EventLog that writes into the book what its process was told."""

    def __init__(self, events: EventLog, book: Book, name: str) -> None:
        self._events, self._book, self._name = events, book, name
        self.read, self.read_on, self.scan = events.read, events.read_on, events.scan

    async def append(self, decision: Decision) -> int:
        try:
            sequence = await self._events.append(decision)
        except FenceLost:
            self._book.record(self._name, "fail", "append", execution_id=decision.execution_id)
            raise
        for event in decision.events:
            if isinstance(event, ev.CheckpointReached) and event.kind == "step":
                step = f"{event.scope}/{event.name}{event.key}"
                self._book.record(
                    self._name,
                    "ok",
                    "checkpoint",
                    execution_id=event.execution_id,
                    step=step,
                    attempt=event.attempt,
                )
        return sequence
