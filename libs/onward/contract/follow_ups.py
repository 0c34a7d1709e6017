"""The first event of what follows an end: pure, from the terminal event that names it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract import templates, values
from onward.contract.decide import Moment, failing, submit
from onward.contract.events.triggers import Triggered
from onward.contract.lifecycle import fold

NAMES = ("execution", "output", "error", "input")
"""What an input template may name."""
End = ev.Completed | ev.Failed | ev.Cancelled


def taken(event: ev.AnyEvent) -> tuple[Triggered, ...]:
    """What follows this event."""
    if not isinstance(event, ev.TERMINAL):
        return ()
    return tuple(one for one in event.then if one.execution_id is not None and one.submit is not None)


def named(one: Triggered) -> frozenset[str]:
    """The values that its input is made of. Raises TemplateError."""
    assert one.submit is not None  # noqa: S101 - `taken` leaves no other
    template = one.submit.input
    return frozenset({"output"}) if template is None else templates.names_in(template)


def passes_on(one: Triggered) -> bool:
    """Whether its input is the output as it is."""
    return one.on == "success" and one.submit is not None and one.submit.input is None


def scope(event: End, one: Triggered, output: msgspec.Raw, given: msgspec.Raw | None) -> dict[str, Any]:
    """What a template can name: how the execution ended, its output and its input, whole."""
    error = event.error if isinstance(event, ev.Failed) else None
    match event:
        case ev.Failed():
            reason: str | None = event.reason
        case ev.Cancelled():
            reason = event.because
        case _:
            reason = None
    return {
        "execution": {
            "id": event.execution_id, "task": one.task, "status": ev.event_type(event), "reason": reason,
        },
        "output": msgspec.json.decode(output),
        "error": None if error is None else {"type": error.type, "message": error.message},
        "input": None if given is None else msgspec.json.decode(given),
    }  # fmt: skip


def input_of(one: Triggered, values_by_name: Mapping[str, Any]) -> msgspec.Raw:
    """Its input: the template filled in; without one, what happened. Raises TemplateError."""
    assert one.submit is not None  # noqa: S101 - `taken` leaves no other
    if one.submit.input is not None:
        made = templates.render(one.submit.input, values_by_name)
    else:
        told = {name: values_by_name[name] for name in ("execution", "output", "error")}
        made = msgspec.Raw(msgspec.json.encode(told))
    if values.looks_reserved(bytes(made)):
        raise templates.TemplateError(f"{values.RESERVED} is no name for a member of an input")
    return made


def first_event(event: End, one: Triggered, given: msgspec.Raw, moment: Moment) -> ev.Submitted:
    """What follows begins; whoever creates it writes the same."""
    what = one.submit
    assert what is not None and one.execution_id is not None  # noqa: S101, PT018 - `taken` leaves no other
    return submit(
        execution_id=one.execution_id, project=event.project, moment=moment, queue=what.queue, priority=what.priority,
        run_at=None if what.delay is None else moment.now + timedelta(seconds=what.delay), timeouts=what.timeouts,
        task=what.task, input=given, environment=what.environment, labels=what.labels, retry=what.retry,
        on_exhausted=what.on_exhausted, then=what.then, agent=what.agent,
        agent_id=what.agent.name if what.agent else None, team_id=what.team_id, source="trigger", root_id=one.root_id,
        triggered_by=ev.TriggeredBy(execution_id=event.execution_id, on=one.on, life=one.life),
        retention=what.retention,
    )  # fmt: skip


def unfit(first: ev.Submitted, why: str, moment: Moment) -> tuple[ev.AnyEvent, ...]:
    """What follows cannot have the input it should: it begins and fails at once, and can be retried with another."""
    error = ev.Failure(type="invalid_input", message=f"its input cannot be made: {why}", retryable=False)
    return stopped(first, "error", error, moment)


def stopped(first: ev.Submitted, reason: str, error: ev.Failure, moment: Moment) -> tuple[ev.AnyEvent, ...]:
    """What follows begins and fails at once: it never is in a queue."""
    still = msgspec.structs.replace(first, wake=None, due=None, deadlines={})
    return (still, failing(fold((still,)), moment, reason, error))
