"""The promises that callers, readers, clocks and other tenants notice (see checker.py).

I6 logs: what a reader got over all its connections is 1, 2, 3 … to the last line, with markers for what was dropped.
I7 concurrency: never more executions hold the key of a limit than it allows; at rest none that has ended holds one.
I8 schedule: a tick starts one execution, and each that was due started one.
I9 cancel: after an accepted cancel no step begins behind another one, and the execution does not complete.
I13 retry: an attempt begins no sooner than its delay allows.
I15 tenant: nobody is shown what belongs to another project.
I16 conservation: nothing is there that nobody asked for.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from onward.contract import events as ev
from onward.contract.lifecycle.guards import UNDO
from onward.testing.history import Effect, History, Line, Record
from onward.testing.promises import Broken, Logs

EARLY = timedelta(milliseconds=50)
"""By so much an attempt may begin before its time: clocks are no better."""


def lines(read: Iterable[Line], *, at_rest: bool) -> Iterator[Broken]:
    """I6: what is wrong with the log lines that readers got."""
    reached: dict[tuple[str, str], int] = defaultdict(int)
    written: dict[tuple[str, str], int] = {}
    for line in sorted(read, key=lambda line: line.t_ns):
        reader = (line.reader, line.execution_id)
        due = reached[reader] + line.dropped + 1
        if line.number != due:
            yield "I6", line.execution_id, f"{line.reader} got line {line.number} where {due} was due"
        reached[reader] = max(reached[reader], line.number)
        written[reader] = max(written.get(reader, 0), line.of)
    for whose, count in written.items():
        if at_rest and reached[whose] < count:
            yield "I6", whose[1], f"{whose[0]} got {reached[whose]} of {count} lines"


def grants(events: Sequence[ev.AnyEvent], *, at_rest: bool) -> Iterator[Broken]:
    """I7: what is wrong with who held which key, in the order of the stream."""
    held: dict[tuple[str, str], set[str]] = defaultdict(set)
    most: dict[tuple[str, str], int] = {}
    for event in events:
        for limit in getattr(event, "limits", ()):
            if limit.max is not None:
                most[event.project, limit.key] = max(most.get((event.project, limit.key), 0), limit.max)
        for name in event.grants if isinstance(event, ev.Admitted) else ():
            holders = held[event.project, name]
            holders.add(event.execution_id)
            if len(holders) > most.get((event.project, name), len(holders)):
                yield "I7", event.execution_id, f"is one too many on {name}"
        for name in getattr(event, "gives_back", ()):
            held[event.project, name].discard(event.execution_id)
    ended = _ended(events) if at_rest else set()
    for (_, name), who in held.items():
        for execution_id in sorted(who & ended):
            yield "I7", execution_id, f"has ended, and still holds {name}"


def _ended(events: Iterable[ev.AnyEvent]) -> set[str]:
    ended: set[str] = set()
    for event in events:
        if isinstance(event, ev.TERMINAL):
            ended.add(event.execution_id)
        elif isinstance(event, ev.RetryRequested):
            ended.discard(event.execution_id)
    return ended


def ticks(history: History, logs: Logs) -> Iterator[Broken]:
    """I8: what is wrong with what schedules started."""
    begun = [log[0] for log in logs.values() if isinstance(log[0], ev.Submitted)]
    fired = Counter(
        (one.project, one.origin, one.scheduled_at) for one in begun if one.scheduled_at is not None
    )
    for (_, schedule, at), times in fired.items():
        if times > 1:
            yield "I8", "", f"the tick of {schedule} at {at} started {times} executions"
    known = {(schedule, at) for _, schedule, at in fired}
    for tick in history.ticks:
        if (tick.schedule, tick.at) not in known:
            yield "I8", "", f"the tick of {tick.schedule} at {tick.at} started nothing"


def cancels(history: History, logs: Logs) -> Iterator[Broken]:
    """I9: what is wrong with what went on after a cancel."""
    for execution_id, log in logs.items():
        asked = None
        for event in log:
            if isinstance(event, ev.CancelRequested):
                asked = event
            elif isinstance(event, ev.RetryRequested):
                asked = None
            elif asked is not None and isinstance(event, ev.Completed):
                yield "I9", execution_id, f"completed ({event.n}) after the cancel ({asked.n})"
    accepted: dict[str, Record] = {}
    for record in history.records:
        if (record.op, record.type) == ("cancel", "ok") and record.execution_id is not None:
            accepted.setdefault(record.execution_id, record)
    for execution_id, record in accepted.items():
        if not any(_goes_on(event) for event in logs.get(execution_id, ())):
            yield from _steps_after(record, (e for e in history.effects if e.execution_id == execution_id))


def _goes_on(event: ev.AnyEvent) -> bool:
    """Whether steps may rightly run after a cancel: another life, or steps that are taken back."""
    return isinstance(event, ev.RetryRequested | ev.Compensating) or (
        isinstance(event, ev.CheckpointReached) and event.kind == UNDO
    )


def _steps_after(cancel: Record, effects: Iterable[Effect]) -> Iterator[Broken]:
    """Who was about to begin a step may begin it; once that has ended, its checkpoint is refused."""
    begun: set[tuple[str, str]] = set()
    over: set[str] = set()
    for effect in sorted(effects, key=lambda effect: effect.t_ns):
        if effect.t_ns <= cancel.t_ns:
            continue
        if effect.what == "begin":
            begun.add((effect.process, effect.step))
            if effect.process in over:
                yield (
                    "I9",
                    effect.execution_id,
                    f"step {effect.step} began after the cancel, behind another one",
                )
        elif (effect.process, effect.step) in begun:
            over.add(effect.process)


def delays(logs: Logs) -> Iterator[Broken]:
    """I13: which attempts began too early."""
    for execution_id, log in logs.items():
        failed: ev.AttemptFailed | None = None
        for event in log:
            if isinstance(event, ev.AttemptFailed):
                failed = event
            elif isinstance(event, ev.RetryRequested | ev.CancelRequested):
                failed = None
            elif isinstance(event, ev.Started) and failed is not None:
                if failed.due is not None and event.at < failed.due - EARLY:
                    yield (
                        "I13",
                        execution_id,
                        f"attempt {event.attempt} began {failed.due - event.at} too early",
                    )
                failed = None


def strangers(history: History, logs: Logs) -> Iterator[Broken]:
    """I15 and I16: what was shown to the wrong ones, and what nobody asked for."""
    for record in history.records:
        log = logs.get(record.execution_id or "", ())
        if record.project is not None and record.type == "ok" and log and log[0].project != record.project:
            yield (
                "I15",
                log[0].execution_id,
                f"belongs to {log[0].project}, and {record.project} was answered",
            )
    asked = {record.token for record in history.records if record.op == "submit" and record.token is not None}
    for execution_id, log in logs.items():
        token = log[0].labels.get("token") if isinstance(log[0], ev.Submitted) else None
        if asked and token is not None and token not in asked:
            yield "I16", execution_id, f"nobody submitted {token}"
