"""What holds an execution up, or carries it on, once a worker had it: owner, recovery, cancel, undoing."""

from collections.abc import Iterator

from onward.contract import events as ev
from onward.contract.explain.causes import EXECUTIONS, Cause, by, quoted, span, when
from onward.contract.explain.facts import Facts

_SHOWN = 5


def held(facts: Facts) -> Iterator[Cause]:
    """What its worker does, or fails to do."""
    state = facts.state
    if state.cancelling:
        yield cancelling(facts)
    elif state.ending is not None:
        yield undoing(facts)
    elif state.paused:
        yield _pausing(facts)
    owner = facts.owner
    if owner is None or owner.status == "gone":
        yield _silent(facts)
    else:
        yield _running(facts)


def on_its_way(facts: Facts) -> Iterator[Cause]:
    """Why it has to be taken up by another worker, where that is not its beginning."""
    state = facts.state
    if state.cancelling:
        yield cancelling(facts)
    elif state.ending is not None:
        yield undoing(facts)
    elif state.reason == "recovering":
        yield _recovering(facts)
    elif isinstance(last := facts.events[-1] if facts.events else None, ev.Released):
        yield Cause(
            "handed_back", text=f"worker {last.worker_id} drained and handed it back with its checkpoints",
            fix="nothing to do: another worker goes on with it", since=last.at, who=last.worker_id,
        )  # fmt: skip


def cancelling(facts: Facts) -> Cause:
    """Somebody asked to stop it."""
    state, event = facts.state, facts.last(ev.CancelRequested)
    who = event.actor if event else None
    asked = f"a cancel was asked for{by(who)}{quoted(state.cancel_because)}"
    if state.undoable:
        what, fix = f"to undo: {_undoable(facts)}", "nothing to do: a worker undoes its steps first"
    elif state.held:
        what, fix = f"worker {state.worker_id} stops it", "nothing to do: it is forced after its grace"
    else:
        what, fix = "the next look at it ends it", "nothing to do"
    return Cause("cancelling", text=f"{asked}; {what}", fix=fix, since=event.at if event else None, who=who)


def undoing(facts: Facts) -> Cause:
    """It fails once its steps are undone."""
    state, event = facts.state, facts.last(ev.Compensating)
    error = state.ending.error if state.ending else state.error
    why = f"{error.type}: {error.message}" if error else "an error"
    return Cause(
        "undoing", text=f"it fails with {why}; first it undoes: {_undoable(facts) or 'nothing is left'}"[:1000],
        fix=f"nothing to do; the log says how it goes: onward execution logs {state.id}",
        since=event.at if event else None,
    )  # fmt: skip


def _undoable(facts: Facts) -> str:
    names = [key.split("|")[1] for key, _ in sorted(facts.state.undoable.items(), key=lambda item: -item[1])]
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")


def _pausing(facts: Facts) -> Cause:
    event: ev.Paused | None = facts.last(ev.Paused)
    who = event.actor if event else None
    return Cause(
        "pausing", since=event.at if event else None, who=who,
        text=f"it was paused{by(who)}{quoted(event.because if event else None)}; its worker ends the steps that run",
        fix=f"onward execution resume {facts.state.id}",
    )  # fmt: skip


def _recovering(facts: Facts) -> Cause:
    event: ev.Recovered | None = facts.last(ev.Recovered)
    who = event.worker_id if event else None
    times = facts.state.recoveries
    again = f", for the {times}th time without a checkpoint" if times > 1 else ""
    return Cause(
        "recovering", text=f"its worker {who or ''} was lost{again}; it goes on from its checkpoints",
        fix="nothing to do: another worker takes it up", since=event.at if event else None, who=who,
    )  # fmt: skip


def _silent(facts: Facts) -> Cause:
    state, owner = facts.state, facts.owner
    heard = f" since {when(owner.last_seen, facts.now)}" if owner else ""
    return Cause(
        "worker_silent", text=f"worker {state.worker_id} holds it and was not heard of{heard}",
        fix="nothing to do: another worker is told within 20 s, and takes it up where one is free",
        since=owner.last_seen if owner else None, who=state.worker_id, links={"workers": "/api/v1/workers"},
    )  # fmt: skip


def _running(facts: Facts) -> Cause:
    state, here = facts.state, f"{EXECUTIONS}/{facts.state.id}"
    sign = facts.events[-1].at if facts.events else state.updated_at
    links = {"logs": f"{here}/logs", "steps": f"{here}/steps", "worker": "/api/v1/workers"}
    where = f"worker {state.worker_id} runs attempt {state.attempt} of it{_step(facts)}"
    if facts.stalled is None:
        return Cause(
            "running", text=f"{where}; last event {when(sign, facts.now)}", since=state.started_at,
            who=state.worker_id, fix=f"follow it: onward execution logs {state.id} --follow", links=links,
        )  # fmt: skip
    since = facts.stalled.since
    quiet = f"nothing was saved, logged or said of progress for {span(facts.now - since)}"
    slow = f"for {span(facts.now - since)} it has taken longer than 99 of 100 of its task did"
    return Cause(
        "stalled", since=since, who=state.worker_id, links=links,
        text=f"{where}, but {slow if facts.stalled.because == 'slow' else quiet}",
        fix=f"see what it does: onward execution logs {state.id} --tail 20; stop it: onward execution cancel "
        f"{state.id}; a heartbeat limit of its task ends such an attempt by itself",
    )  # fmt: skip


def _step(facts: Facts) -> str:
    running = [key.split("|")[1] for key in facts.state.in_doubt]
    if running:
        return f", in step {', '.join(running[:_SHOWN])}"
    saved: ev.CheckpointReached | None = facts.last(ev.CheckpointReached)
    return f", after step {saved.name}" if saved and saved.kind == "step" else ""
