"""What an execution waits for, event by event: times, answers, events from outside, children."""

from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract.execution import Execution, Group, Received, Status, Wait

REMEMBERED_KEYS = 256
EXHAUSTED = "onward.exhausted"
"""What the question is called that asks whether to go on after the last attempt has failed."""
RETRY = "retry"


def elapsed(s: Execution) -> dict[str, Wait]:
    """The waits once the timer has fired that was set for the earliest end (PROTOCOL M2, no clock compared)."""
    return {
        key: _over(wait) if wait.until and s.due and wait.until <= s.due and not wait.done else wait
        for key, wait in s.waits.items()
    }


def _over(wait: Wait) -> Wait:
    late = wait.kind != "sleep"
    return msgspec.structs.replace(
        wait, done=True, expired=late, answer=wait.default if late else wait.answer
    )


def slept(s: Execution, e: ev.Slept) -> dict[str, Any]:
    """A sleep begins; said twice by an append whose outcome was unknown, it stays what it has become."""
    return _began(s, e.wait, Wait(kind="sleep", n=e.n, until=e.until))


def asked(s: Execution, e: ev.QuestionAsked) -> dict[str, Any]:
    """A question is open."""
    wait = Wait(
        kind="question", n=e.n, until=e.until, text=e.text, choices=e.choices, schema=e.schema, asked_at=e.at, to=e.to,
        default=e.default, remind_every=e.remind_every,
    )  # fmt: skip
    return _began(s, e.wait, wait)


def _began(s: Execution, key: str, wait: Wait) -> dict[str, Any]:
    return {"waits": {**s.waits, key: s.waits.get(key) or wait}}


def reminded(s: Execution, e: ev.QuestionReminded) -> dict[str, Any]:
    """An open question was brought to mind."""
    return {"waits": {**s.waits, e.wait: msgspec.structs.replace(s.waits[e.wait], reminded=e.count)}}


def answered(s: Execution, e: ev.Answered) -> dict[str, Any]:
    """A question has its answer."""
    answer = msgspec.structs.replace(s.waits[e.wait], done=True, answer=e.answer, answered_by=e.actor)
    changes: dict[str, Any] = {"waits": {**s.waits, e.wait: answer}, **_woken(s, e)}
    if e.wait.startswith(EXHAUSTED) and msgspec.json.decode(e.answer) == RETRY:
        changes["failures"] = 0
    return changes


def awaited(s: Execution, e: ev.EventAwaited) -> dict[str, Any]:
    """It waits for an event, or takes the oldest of that name that has come before."""
    if e.wait in s.waits:
        return {}
    wait = Wait(kind="event", n=e.n, until=e.until, event=e.name, default=e.default)
    kept = s.inbox.get(e.name, ())
    if not kept:
        return _began(s, e.wait, wait)
    rest = {name: items for name, items in s.inbox.items() if name != e.name}
    if len(kept) > 1:
        rest[e.name] = kept[1:]
    found = msgspec.structs.replace(wait, done=True, answer=kept[0].value)
    return {**_began(s, e.wait, found), "inbox": rest}


def received(s: Execution, e: ev.EventReceived) -> dict[str, Any]:
    """An event from outside goes to whoever waits for it longest, or is kept."""
    changes: dict[str, Any] = {}
    if e.key is not None:
        changes["received"] = (*s.received, e.key)[-REMEMBERED_KEYS:]
    waiting = next((k for k, w in s.waits.items() if w.event == e.name and not w.done), None)
    if waiting is None:
        item = Received(value=e.value, n=e.n)
        return {**changes, "inbox": {**s.inbox, e.name: (*s.inbox.get(e.name, ()), item)}}
    done = msgspec.structs.replace(s.waits[waiting], done=True, answer=e.value)
    return {**changes, "waits": {**s.waits, waiting: done}, **_woken(s, e)}


def expired(s: Execution, e: ev.WaitExpired) -> dict[str, Any]:
    """Its owner let the time of a wait run out."""
    return {"waits": {**s.waits, e.wait: _over(s.waits[e.wait])}}


def can_wake(s: Execution) -> bool:
    """Whether something that comes now makes it runnable: it waits, and not for its next attempt's time."""
    return s.status is Status.RUNNING and not s.held and not s.ready and (s.resumes or s.due is None)


def _woken(s: Execution, e: ev.Event) -> dict[str, Any]:
    reason = "limited" if s.gated else "waiting_for_worker"
    return {"ready": True, "ready_by": e.n, "reason": reason} if can_wake(s) else {}


def spawned(s: Execution, e: ev.ChildrenSpawned) -> dict[str, Any]:
    """A group has more children: as much as a checkpoint, it shows that the parent gets on."""
    group = s.groups.get(e.group) or Group(born=e.n)
    grown = msgspec.structs.replace(group, spawned=group.spawned + len(e.inputs), policy=e.policy)
    return {"groups": {**s.groups, e.group: grown}, "recoveries": 0}


def children_done(s: Execution, e: ev.ChildrenDone) -> dict[str, Any]:
    """The ends of children are known; a wake where a group has as many as the execution waits for."""
    groups = with_ends(s.groups, e.ends)
    return {"groups": groups, **(_woken(s, e) if enough(groups, s.wants, s.tolerates) else {})}


def with_ends(groups: dict[str, Group], ends: tuple[ev.ChildEnd, ...]) -> dict[str, Group]:
    """The groups with these ends known."""
    after = dict(groups)
    by_group: dict[str, list[ev.ChildEnd]] = {}
    for end in ends:
        by_group.setdefault(end.group, []).append(end)
    for name, heard in by_group.items():
        group = after[name]
        ended, bad = int(group.ended, 16), int(group.bad, 16)
        for end in heard:
            ended |= 1 << end.index
            bad |= (end.outcome != "completed") << end.index
        after[name] = msgspec.structs.replace(group, ended=f"{ended:x}", bad=f"{bad:x}")
    return after


def enough(groups: dict[str, Group], wants: dict[str, int], tolerates: dict[str, int]) -> bool:
    """Whether some group has as many ended children as is waited for, or more bad ends than it may have."""
    return any(
        groups[key].done >= want or groups[key].failed > tolerates.get(key, groups[key].spawned)
        for key, want in wants.items()
        if key in groups
    )


def kept_groups(s: Execution, before: int) -> dict[str, Group]:
    """The groups that a new life keeps: those born before n `before`; who did not complete is open again."""
    return {
        key: msgspec.structs.replace(group, ended=f"{int(group.ended, 16) & ~int(group.bad, 16):x}", bad="0")
        for key, group in s.groups.items()
        if group.born < before
    }
