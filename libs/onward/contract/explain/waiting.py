"""What an execution waits for that no worker holds: a time, a person, an event, its children, a resume."""

from collections.abc import Iterator

from onward.contract import events as ev
from onward.contract.execution import Group, Wait
from onward.contract.explain.causes import EXECUTIONS, Cause, by, count, quoted, when
from onward.contract.explain.facts import Facts

_SHOWN = 3


def waiting(facts: Facts) -> Iterator[Cause]:
    """Everything that it waits for; nothing where it waits for no more than a worker."""
    state = facts.state
    if state.paused:
        yield paused(facts)
    if state.ready:
        return
    if state.attempt and not state.resumes and state.due is not None:
        yield _retrying(facts)
    elif not state.attempt and state.due is not None:
        yield _delayed(facts)
    for key, wait in state.waits.items():
        if not wait.done:
            yield from _one(facts, key, wait)
    for name, wanted in state.wants.items():
        if name in state.groups:
            yield _children(facts, name, state.groups[name], wanted)


def paused(facts: Facts) -> Cause:
    """Somebody paused it."""
    event: ev.Paused | None = facts.last(ev.Paused)
    who = event.actor if event else None
    return Cause(
        "paused", text=f"it is paused{by(who)}{quoted(event.because if event else None)}",
        fix=f"onward execution resume {facts.state.id}", since=event.at if event else None, who=who,
    )  # fmt: skip


def _delayed(facts: Facts) -> Cause:
    due = facts.state.due or facts.now
    return Cause(
        "delayed", text=f"it is to start at {_clock(due)}, {when(due, facts.now)}",
        fix=f"let it start now: onward execution delay now {facts.state.id}",
        since=facts.state.created_at, until=due, who=facts.state.submitted_by,
    )  # fmt: skip


def _retrying(facts: Facts) -> Cause:
    state, due = facts.state, facts.state.due or facts.now
    error = state.error
    after = f" after {error.type}: {error.message}" if error else ""
    return Cause(
        "retrying", until=due, since=state.updated_at, links={"logs": f"{EXECUTIONS}/{state.id}/logs"},
        text=f"attempt {state.attempt + 1} of {state.retry.attempts} starts {when(due, facts.now)}{after}"[:1000],
        fix=f"see what failed: onward execution logs {state.id}; try now: onward execution delay now {state.id}",
    )  # fmt: skip


def _one(facts: Facts, key: str, wait: Wait) -> Iterator[Cause]:
    match wait.kind:
        case "question":
            yield _question(facts, key, wait)
        case "event":
            yield _event(facts, wait)
        case _ if wait.until is not None and facts.state.due is not None and wait.until >= facts.state.due:
            yield Cause(
                "sleeping", text=f"it sleeps until {_clock(wait.until)}, {when(wait.until, facts.now)}",
                fix="nothing to do: it goes on by itself", until=wait.until,
            )  # fmt: skip


def _question(facts: Facts, key: str, wait: Wait) -> Cause:
    to = f" {wait.to}" if wait.to else " somebody"
    choices = f" ({' | '.join(wait.choices)})" if wait.choices else ""
    after = "then its default counts" if wait.default is not None else "then it goes on without"
    deadline = f", until {_clock(wait.until)} ({after})" if wait.until else ""
    which = f" --question {key}" if len(_open_questions(facts)) > 1 else ""
    return Cause(
        "waiting_for_input", text=f'it waits for{to} to answer "{wait.text}"{choices}{deadline}',
        fix=f"onward execution answer {facts.state.id} ANSWER{which}", since=wait.asked_at, until=wait.until,
        who=wait.to, links={"answer": f"{EXECUTIONS}/{facts.state.id}/answer"},
    )  # fmt: skip


def _open_questions(facts: Facts) -> list[Wait]:
    return [wait for wait in facts.state.waits.values() if wait.kind == "question" and not wait.done]


def _event(facts: Facts, wait: Wait) -> Cause:
    begun = next((event.at for event in facts.events if event.n == wait.n), None)
    deadline = f", until {_clock(wait.until)}" if wait.until else ""
    return Cause(
        "waiting_for_event", text=f"it waits for the event {wait.event}{deadline}",
        fix=f"onward execution send {facts.state.id} {wait.event} VALUE", since=begun, until=wait.until,
        links={"send": f"{EXECUTIONS}/{facts.state.id}/events"},
    )  # fmt: skip


def _children(facts: Facts, name: str, group: Group, wanted: int) -> Cause:
    ident = facts.state.id
    bad = f", {group.failed} did not complete" if group.failed else ""
    some = facts.failed_children[:_SHOWN]
    told = f" ({', '.join(some)})" if some else ""
    links = {"children": f"{EXECUTIONS}/{ident}/children"}
    links |= {f"failed_{number}": f"{EXECUTIONS}/{one}" for number, one in enumerate(some, 1)}
    return Cause(
        "waiting_for_children", since=facts.state.updated_at, links=links,
        text=f"{group.done} of {count(wanted, 'child').replace('childs', 'children')} of {name} have ended{bad}{told}",
        fix=f"see which are open: onward execution children {ident} --status pending --status running",
    )  # fmt: skip


def _clock(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
