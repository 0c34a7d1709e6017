"""An execution in words: its status, how long it took, what it waits for, why it failed."""

import json
from collections.abc import Iterator
from datetime import datetime

from onward.cli import clean, table, then, words
from onward.cli.session import Session
from onward.cli.show import Json

_USUAL = (None, "queued", "executing", "error")
QUESTION = "question"
_LONGEST = 2_000
"""Characters of an input or an output that a summary shows."""


def status(one: Json) -> str:
    """Returns the status with its sign, and why where that is news."""
    sign, _ = table.MARKS.get(one["status"], ("?", ""))
    if one.get("stalled"):
        return f"{sign} {one['status']} (stalled)"
    return f"{sign} {one['status']}" + ("" if one["reason"] in _USUAL else f" ({one['reason']})")


def style(one: Json) -> str:
    """Returns the colour of a status."""
    return table.MARKS.get(one["status"], ("", ""))[1]


def took(one: Json, here: Session) -> float | None:
    """Returns how long an execution ran, or has been running, in ms."""
    if one["duration_ms"] is None and one["started_at"] and not one["completed_at"]:
        return (here.now() - words.parse(one["started_at"])).total_seconds() * 1000
    ms: float | None = one["duration_ms"]
    return ms


def progress(one: Json) -> str:
    """Returns how far an execution says it is."""
    told = one["progress"] or {}
    share = "" if told.get("fraction") is None else f"{told['fraction']:.0%}"
    return " ".join(part for part in (share, told.get("message") or "") if part)


def detail(one: Json) -> str:
    """Returns the one thing about an execution that a list should tell."""
    if one["error"] and one["status"] != "completed":
        return failure(one["error"])
    if one["waiting_on"]:
        return waits_for(one["waiting_on"][0])
    return progress(one) or " ".join(f"{name}={value}" for name, value in one["labels"].items())


def failure(error: Json) -> str:
    """Returns what went wrong; the module an error comes from is for programs."""
    return f"{error['type'].rpartition('.')[2]}: {error['message']}"


def change(one: Json, here: Session) -> str:
    """Returns one line about where an execution stands."""
    attempt = f"attempt {one['attempt']} of {one['max_attempts']}" if one["attempt"] else ""
    due = f"goes on {words.ago(one['due_at'], here.now())}" if one.get("due_at") else ""
    took_ms = took(one, here) if one["completed_at"] else None
    parts = (
        attempt,
        progress(one) if not one["completed_at"] else "",
        due,
        "" if took_ms is None else f"took {words.duration(took_ms)}",
    )
    told = "  ".join([status(one), *(part for part in parts if part)])
    if why := _why(one):
        told += f"\n    {why}"
    return clean.text(told)


def summary(one: Json, here: Session) -> Iterator[str]:
    """Yields the lines of `execution get`."""
    shown = table.painted(status(one), style(one) if here.coloured else "")
    yield f"{shown}  {clean.cell(one['task'])}  {one['id']}"
    for name, value in _facts(one, here):
        first, *rest = clean.text(value).split("\n")
        yield f"  {name:<11}{first}"
        yield from (f"  {'':<11}{line}" for line in rest)


def outcome(one: Json, here: Session) -> Iterator[str]:
    """Yields how a waited-for execution ended: one line, and its output or its error."""
    yield clean.cell(f"{status(one)}  {one['task']}  took {words.duration(took(one, here))}")
    if one["status"] == "completed" and one["output"] is not None:
        yield clean.text(_json(one["output"]))
    elif why := _why(one):
        yield f"    {clean.text(why)}"


_STALLED = {
    "quiet": "no event and no log line",
    "slow": "it runs longer than 99 of 100 of its task did,",
}


def stalled(one: Json, now: datetime) -> str | None:
    """Why it seems to make no progress."""
    found = one.get("stalled")
    if not found:
        return None
    why = _STALLED.get(found["because"], found["because"])
    return f"{why} since {words.local(found['since'])}  ({words.ago(found['since'], now)})"


def children(counts: Json | None) -> str | None:
    """How its children stand."""
    if counts is None:
        return None
    told = {"completed": counts["completed"], "failed": counts["failed"], "open": counts["open"]}
    parts = [f"{count} {name}" for name, count in told.items() if count]
    return f"{counts['total']} ({', '.join(parts)})" if parts else str(counts["total"])


def _performer(one: Json) -> str:
    team = f", of team {one['team_id']}" if one["team_id"] else ""
    return f"{one['agent_id']}, version {one.get('agent_version') or '?'}{team}"


def _facts(one: Json, here: Session) -> Iterator[tuple[str, str]]:
    now = here.now()
    labels = " ".join(f"{name}={value}" for name, value in one["labels"].items())
    facts = {
        "queue": f"{one['queue']}, priority {one['priority']}",
        "attempt": f"{one['attempt']} of {one['max_attempts']}",
        "worker": one["worker_id"],
        "labels": labels,
        "created": f"{words.local(one['created_at'])}  ({words.ago(one['created_at'], now)})",
        "started": one["started_at"]
        and f"{words.local(one['started_at'])}  (waited {words.duration(one['queue_wait_ms'])})",
        "ended": one["completed_at"]
        and f"{words.local(one['completed_at'])}  (took {words.duration(took(one, here))})",
        "goes on": one.get("due_at") and f"{words.local(one['due_at'])}  ({words.ago(one['due_at'], now)})",
        "progress": progress(one),
        "stalled": stalled(one, now),
        "parent": one["parent_id"],
        "children": children(one.get("children")),
        "agent": one["agent_id"] and _performer(one),
        "follows": (one.get("triggered_by") or {}).get("execution_id"),
        "then": then.told(one.get("then") or []),
        "rerun of": one["retried_from"],
        "by": one["submitted_by"],
        "trace": one["trace_id"],
        "input": None if one["input"] is None else _json(one["input"]),
        "output": None if one["output"] is None else _json(one["output"]),
    }
    yield from ((name, value) for name, value in facts.items() if value)
    for wait in one["waiting_on"]:
        if wait.get("kind", QUESTION) != QUESTION:
            yield "waits", waits_for(wait)
            continue
        choices = f"  ({' | '.join(wait['choices'])})" if wait.get("choices") else ""
        yield "asks", f"{wait['text']}{choices}\n{_about(wait, now)}"
    if error := one["error"]:
        yield "error", failure(error)
        if error.get("stack"):
            yield "", error["stack"].rstrip()


def _why(one: Json) -> str:
    if one["error"] and one["status"] != "completed":
        return failure(one["error"])
    return "; ".join(f"asks: {wait['text']}" for wait in one["waiting_on"] if wait.get("text"))


def _about(question: Json, now: datetime) -> str:
    told = [f"question {question['question_id']}"]
    if to := question.get("to"):
        told.append(f"to {to}")
    if deadline := question.get("deadline"):
        default = question.get("default")
        after = "" if default is None else f", then {json.dumps(default, ensure_ascii=False)}"
        told.append(f"until {words.local(deadline)} ({words.ago(deadline, now)}){after}")
    return ", ".join(told)


def asks(one: Json) -> bool:
    """Returns whether an execution waits for an answer."""
    return any(wait.get("kind", QUESTION) == QUESTION for wait in one["waiting_on"])


def waits_for(wait: Json) -> str:
    """Returns what an execution waits for, in a few words."""
    match wait.get("kind", QUESTION):
        case "event":
            return f"for the event {wait['name']}"
        case "sleep":
            return f"until {words.local(wait['deadline'])}"
        case "children":
            return f"for its children: {wait['ended']} of {wait['wanted']} have ended"
    return str(wait["text"])


def _json(value: object) -> str:
    """Returns a value in as few lines as it can be read in."""
    told = json.dumps(value, ensure_ascii=False)
    if len(told) > 100:
        told = json.dumps(value, ensure_ascii=False, indent=2)
    return (
        told
        if len(told) <= _LONGEST
        else told[:_LONGEST] + f"… ({len(told)} characters; all of it with -o json)"
    )
