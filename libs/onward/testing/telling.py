"""What a test is told of an execution that waits for it."""

from onward.contract.execution import Execution
from onward.tasks.registry import Registry


def why_stuck(state: Execution, registry: Registry) -> str:
    """Why nothing moves this execution on, and what would."""
    return f"execution {state.id} of {state.task} is {state.status} ({state.reason}); {_what_would(state, registry)}"


def _what_would(state: Execution, registry: Registry) -> str:
    waits = [wait for wait in state.waits.values() if not wait.done]
    questions = [wait.text for wait in waits if wait.kind == "question"]
    events = [wait.event for wait in waits if wait.kind == "event"]
    if state.paused:
        return "it is paused: await lab.resume(run)"
    if state.held:
        return "its code waits for something that never comes"
    if questions:
        return f"it asks {questions[0]!r}: lab.answer(run, …)"
    if events:
        return f"it waits for the event {events[0]!r}: await lab.send(run, {events[0]!r}, …)"
    if state.task not in registry.tasks:
        return f"the registry has no task {state.task}"
    return "no timer is set for it, and no worker takes it: is there one?"
