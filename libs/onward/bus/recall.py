"""What Postgres remembers of an execution whose log is purged: asked of execution_state."""

from typing import Any

import msgspec

from onward.bus.ports import Messages
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import Unavailable
from onward.contract.execution import Execution

_SECONDS = 5.0


class Recalled(msgspec.Struct, frozen=True):
    """An execution as Postgres knows it, with the EVENTS sequence up to which Postgres knows everything."""

    execution: Execution
    position: int = 0


async def recall(messages: Messages, project: str, execution_id: str) -> Recalled | None:
    """An execution; None proves that it was not in Postgres at that moment (PROTOCOL T3). Raises Unavailable."""
    asked = {"project": project, "id": execution_id}
    found: Recalled | None = msgspec.json.decode(
        await _ask(messages, "execution", asked), type=Recalled | None
    )
    return found


async def recall_events(messages: Messages, project: str, execution_id: str) -> list[ev.AnyEvent]:
    """Everything that happened to it, as far as it is projected. Raises Unavailable."""
    found: list[ev.AnyEvent] = []
    while True:
        asked = {"project": project, "id": execution_id, "after": found[-1].n if found else 0}
        raws = msgspec.json.decode(await _ask(messages, "events", asked), type=list[msgspec.Raw])
        if not raws:
            return found
        found += [ev.decode(bytes(raw)) for raw in raws]


async def _ask(messages: Messages, query: str, asked: dict[str, Any]) -> bytes:
    reply = await messages.ask(subjects.ask("state", query), msgspec.json.encode(asked), timeout=_SECONDS)
    if reply is None or reply.startswith(b'{"problem"'):
        raise Unavailable("execution_state cannot answer now", retry_after=2)
    return reply
