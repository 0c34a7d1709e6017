"""Did the platform keep its promises? Checks the history of a run against a dump of EVENTS, by invariant.

I1 accepted: an accepted submission exists and ends; one of unknown outcome exists at most once; one key, one execution.
I2 one outcome: terminal events = 1 + explicit retries; every read shows what the log held at that version.
I3 checkpoint: a step whose checkpoint was acknowledged does not begin again.
I4 legal: the events are a path of the state machine, whose guards count attempts.
I5 order: ordinals 1, 2, 3 … in the order of the stream; no row of a projection ever falls back.
I10 reads: who heard of an execution finds it, and sees no older version of it again.
I14 projection: a row says what the log folds to.
I6 to I9, I13, I15, I16: see outside.py. I11, I12, I17: see promises.py.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from onward.bus.ports import Raw
from onward.contract import events as ev
from onward.contract.errors import BrokenLog
from onward.contract.execution import Execution
from onward.contract.lifecycle import Refused, advance
from onward.contract.log import Identity, checkpoints_in
from onward.testing import outside
from onward.testing.history import Effect, History, Record
from onward.testing.promises import Broken, families, inputs, undoing


class Violation(msgspec.Struct, frozen=True, order=True):
    """A promise that was broken, and where."""

    invariant: str
    execution_id: str
    what: str


class Report(msgspec.Struct, kw_only=True):
    """What a check found. A run that is `vacuous` proves nothing, whatever else it says."""

    violations: list[Violation]
    vacuous: list[str]
    executions: int
    events: int
    steps_begun: int
    steps_repeated: int
    """Beginnings of steps that had begun before: allowed where a worker was lost in the middle of one."""

    @property
    def ok(self) -> bool:
        """Whether the run proves that the promises were kept."""
        return not self.violations and not self.vacuous

    @property
    def broken(self) -> set[str]:
        """The names of the invariants that were violated."""
        return {violation.invariant for violation in self.violations}


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What a run must have seen, to count."""

    ok_while_healthy: float = 0.95
    ok_while_faulty: float = 0.30
    landed: int = 10
    """How often each kind of fault has to hit work under way."""
    refused: int = 1
    """Writes of zombies that the fence has to have refused: records of op `append` that failed."""


def check(
    history: History, dump: Sequence[Raw], *, at_rest: bool = True, demand: Demand | None = None
) -> Report:
    """Everything that is wrong with a run. `at_rest`: it was left alone until nothing moved any more."""
    stream = [ev.decode(raw.data) for raw in sorted(dump, key=lambda raw: raw.sequence)]
    logs = _logs(stream)
    found: list[Violation] = []
    states: dict[str, dict[int, Execution]] = {}
    for execution_id, log in logs.items():
        states[execution_id] = _walk(execution_id, log, found)
        _one_outcome(execution_id, log, found)
        _checkpoints_once(execution_id, log, found)
        found += [Violation(*broken) for broken in (*undoing(execution_id, log), *inputs(execution_id, log))]
    found += [Violation(*broken) for broken in families(logs, at_rest=at_rest)]
    found += [Violation(*one) for one in _outside(history, stream, logs, at_rest=at_rest)]
    _accepted(history.records, logs, found, at_rest=at_rest)
    _reads(history.records, states, found)
    _rows(history, states, found)
    begun = _steps(history, logs, found)
    return Report(
        violations=sorted(set(found)), vacuous=_vacuous(history, demand) if demand else [],
        executions=len(logs), events=len(dump), steps_begun=sum(begun.values()),
        steps_repeated=sum(times - 1 for times in begun.values()),
    )  # fmt: skip


def _outside(
    history: History, stream: Sequence[ev.AnyEvent], logs: dict[str, list[ev.AnyEvent]], *, at_rest: bool
) -> Iterator[Broken]:
    yield from outside.lines(history.lines, at_rest=at_rest)
    yield from outside.grants(stream, at_rest=at_rest)
    yield from outside.ticks(history, logs)
    yield from outside.cancels(history, logs)
    yield from outside.delays(logs)
    yield from outside.strangers(history, logs)


def digest(state: Execution) -> str:
    """What two equal states have in common, and no other ones."""
    return hashlib.sha256(msgspec.json.encode(state)).hexdigest()


def _logs(stream: Sequence[ev.AnyEvent]) -> dict[str, list[ev.AnyEvent]]:
    logs: dict[str, list[ev.AnyEvent]] = defaultdict(list)
    for event in stream:
        logs[event.execution_id].append(event)
    return dict(logs)


# I4, I5
def _walk(execution_id: str, log: list[ev.AnyEvent], found: list[Violation]) -> dict[int, Execution]:
    """The states by version, as far as the log can be folded."""
    states: dict[int, Execution] = {}
    state: Execution | None = None
    for place, event in enumerate(log, log[0].n if isinstance(log[0], ev.Carried) else 1):
        if event.n != place:
            found.append(Violation("I5", execution_id, f"event {event.n} stands at place {place}"))
            return states
        try:
            after = advance(state, event)
        except BrokenLog as error:
            found.append(Violation("I5", execution_id, str(error)))
            return states
        if isinstance(after, Refused):
            what = f"event {event.n}: {ev.event_type(event)}: {after.because}"
            found.append(Violation("I4", execution_id, what))
            return states
        states[event.n] = state = after
    return states


# I2
def _one_outcome(execution_id: str, log: list[ev.AnyEvent], found: list[Violation]) -> None:
    ended: ev.AnyEvent | None = None
    for event in log:
        if isinstance(event, ev.RetryRequested):
            ended = None
        elif ended is not None and not isinstance(event, ev.Carried | ev.StepEdited):
            what = f"{ev.event_type(event)} ({event.n}) after {ev.event_type(ended)} ({ended.n})"
            found.append(Violation("I2", execution_id, what))
        elif isinstance(event, ev.TERMINAL) and not _held(event):
            ended = event


def _held(event: ev.AnyEvent) -> bool:
    """Whether it is the end that ends nothing: it waits for repair."""
    return isinstance(event, ev.Failed) and event.reason == "held"


def _reads(
    records: Sequence[Record], states: dict[str, dict[int, Execution]], found: list[Violation]
) -> None:
    seen: dict[tuple[str, str], int] = {}
    heard: set[str] = set()
    for record in sorted(records, key=lambda record: record.t_ns):
        if record.op == "submit" and record.type == "ok" and record.execution_id is not None:
            heard.add(record.execution_id)
        if record.op == "read" and record.error == "404" and record.execution_id in heard:
            what = f"{record.process} was told that it is not there"
            found.append(Violation("I10", record.execution_id, what))
        if (
            record.op != "read"
            or record.type != "ok"
            or record.execution_id is None
            or record.version is None
        ):
            continue
        state = states.get(record.execution_id, {}).get(record.version)
        if state is None:
            what = f"version {record.version} was read, and is in no log"
            found.append(Violation("I2", record.execution_id, what))
            continue
        if record.status != state.status.value:
            what = f"version {record.version} was read as {record.status}, and is {state.status}"
            found.append(Violation("I2", record.execution_id, what))
        if record.output is not None and record.output != bytes(state.output or b"null").decode():
            found.append(
                Violation("I2", record.execution_id, f"another result was read at version {record.version}")
            )
        if record.version < seen.get((record.process, record.execution_id), 0):
            found.append(
                Violation("I10", record.execution_id, f"{record.process} read an older version again")
            )
        seen[record.process, record.execution_id] = record.version


# I1
def _accepted(
    records: Sequence[Record], logs: dict[str, list[ev.AnyEvent]], found: list[Violation], *, at_rest: bool
) -> None:
    tokens = Counter(log[0].labels.get("token") for log in logs.values() if isinstance(log[0], ev.Submitted))
    by_key: dict[str, set[str]] = defaultdict(set)
    for record in (r for r in records if r.op == "submit" and r.type in ("ok", "info")):
        if record.token is not None and record.key is None and tokens[record.token] > 1:
            what = f"submission {record.token} made {tokens[record.token]} executions"
            found.append(Violation("I1", record.execution_id or "", what))
        if record.type == "ok" and record.execution_id is not None:
            by_key[record.key or record.execution_id].add(record.execution_id)
    for key, made in by_key.items():
        if len(made) > 1:
            found.append(Violation("I1", min(made), f"key {key} made {len(made)} executions"))
        for execution_id in made:
            if execution_id not in logs:
                found.append(Violation("I1", execution_id, "accepted, and in no log"))
            elif at_rest and not _ended(logs[execution_id]):
                found.append(Violation("I1", execution_id, "accepted, and never ended"))


def _ended(log: list[ev.AnyEvent]) -> bool:
    last = [e for e in log if isinstance(e, (*ev.TERMINAL, ev.RetryRequested))]
    return bool(last) and isinstance(last[-1], ev.TERMINAL)


# I3
def _checkpoints_once(execution_id: str, log: list[ev.AnyEvent], found: list[Violation]) -> None:
    done: dict[Identity, ev.CheckpointReached] = {}
    for event in log:
        done = _still_saved(done, event)
        for point in checkpoints_in(event):
            step = point.scope, point.name, point.key
            if point.kind != "step":
                continue
            if not point.edited and done.setdefault(step, point).id != point.id:
                what = f"step {'/'.join(filter(None, step))} was saved twice"
                found.append(Violation("I3", execution_id, what))
            done[step] = point


def _still_saved(
    done: dict[Identity, ev.CheckpointReached], event: ev.AnyEvent
) -> dict[Identity, ev.CheckpointReached]:
    """What of these is saved after the event: a retry forgets, an undo undoes."""
    match event:
        case ev.RetryRequested(fresh=True):
            return {}
        case ev.RetryRequested(forget_from=int(first)):
            return {step: point for step, point in done.items() if point.n < first}
        case ev.CheckpointReached(kind="undo"):
            return {s: p for s, p in done.items() if s != (event.scope, event.name, event.key)}
    return done


def _run_again(log: list[ev.AnyEvent]) -> set[str]:
    """The steps that were forgotten or undone, and so may be run once more."""
    done: dict[Identity, ev.CheckpointReached] = {}
    again: set[str] = set()
    for event in log:
        left = _still_saved(done, event)
        again.update(f"{scope}/{name}{key}" for scope, name, key in done if (scope, name, key) not in left)
        done = {**left, **{(p.scope, p.name, p.key): p for p in checkpoints_in(event) if p.kind == "step"}}
    return again


def _steps(
    history: History, logs: dict[str, list[ev.AnyEvent]], found: list[Violation]
) -> Counter[tuple[str, str]]:
    """Beginnings by (execution, step)."""
    acknowledged: dict[tuple[str, str], Record] = {}
    for record in history.records:
        if record.op == "checkpoint" and record.type == "ok" and record.execution_id and record.step:
            acknowledged.setdefault((record.execution_id, record.step), record)
    again = {execution_id: _run_again(log) for execution_id, log in logs.items()}
    begun: Counter[tuple[str, str]] = Counter()
    late: Counter[tuple[str, int, str]] = Counter()
    for effect in _in_time(history.effects):
        saved = acknowledged.get((effect.execution_id, effect.step))
        if effect.what == "end" and saved is not None and _saved_too_soon(saved, effect):
            what = f"step {effect.step} ended after its checkpoint was acknowledged"
            found.append(Violation("I3", effect.execution_id, what))
        if effect.what != "begin":
            continue
        begun[effect.execution_id, effect.step] += 1
        if saved is None or effect.t_ns <= saved.t_ns or effect.step in again[effect.execution_id]:
            continue
        # A worker that was overtaken may have been about to begin one step; from the next on the fence tells it.
        late[effect.execution_id, effect.attempt, effect.process] += 1
        overtaken = saved.attempt is not None and effect.attempt < saved.attempt
        if not overtaken or late[effect.execution_id, effect.attempt, effect.process] > 1:
            what = (
                f"step {effect.step} began in attempt {effect.attempt} after its checkpoint was acknowledged"
            )
            found.append(Violation("I3", effect.execution_id, what))
    return begun


def _saved_too_soon(saved: Record, end: Effect) -> bool:
    return saved.t_ns < end.t_ns and (saved.process, saved.attempt) == (end.process, end.attempt)


def _in_time(effects: Iterable[Effect]) -> list[Effect]:
    return sorted(effects, key=lambda effect: effect.t_ns)


# I5 and I14
def _rows(history: History, states: dict[str, dict[int, Execution]], found: list[Violation]) -> None:
    seen: dict[str, int] = {}
    for row in sorted(history.rows, key=lambda row: row.t_ns):
        known = states.get(row.execution_id, {})
        if row.version < seen.get(row.execution_id, 0):
            what = f"the row fell from version {seen[row.execution_id]} to {row.version}"
            found.append(Violation("I5", row.execution_id, what))
        seen[row.execution_id] = row.version
        state = known.get(row.version)
        if state is None or state.status.value != row.status:
            what = (
                f"the row says {row.status} at version {row.version}, the log {state and state.status.value}"
            )
            found.append(Violation("I14", row.execution_id, what))
        elif row.digest is not None and row.digest != digest(state):
            found.append(Violation("I14", row.execution_id, f"the row is another at version {row.version}"))
        if row.final and known and row.version != max(known):
            what = f"the row stays at version {row.version}, the log is at {max(known)}"
            found.append(Violation("I14", row.execution_id, what))


# Not vacuous
def _vacuous(history: History, demand: Demand) -> list[str]:
    healthy: Counter[str] = Counter()
    faulty: Counter[str] = Counter()
    for record in history.records:
        if record.type in ("ok", "info", "fail") and record.op not in ("append", "checkpoint"):
            during = any(fault.t_ns <= record.t_ns <= fault.until_ns for fault in history.faults)
            (faulty if during else healthy)[record.type] += 1
    landed = Counter(fault.kind for fault in history.faults if fault.landed)
    refused = sum(record.op == "append" and record.type == "fail" for record in history.records)
    why = [
        f"{kind} hit work under way {landed[kind]} times, not {demand.landed}"
        for kind in sorted({fault.kind for fault in history.faults})
        if landed[kind] < demand.landed
    ]
    if not healthy.total():
        why.append("nothing was asked while all was well")
    for name, counted, least in (
        ("healthy", healthy, demand.ok_while_healthy),
        ("faulty", faulty, demand.ok_while_faulty),
    ):
        if counted.total() and counted["ok"] < least * counted.total():
            why.append(f"only {counted['ok']} of {counted.total()} operations went well while {name}")
    if refused < demand.refused:
        why.append(f"{refused} late writes were refused, not {demand.refused}")
    return why
