"""What an execution's state is: from its log in EVENTS, or from execution_state for what was purged there."""

import msgspec

from onward.bus.ports import EventLog, Messages
from onward.contract import subjects
from onward.contract.errors import BrokenLog, NotFound, Unavailable
from onward.contract.execution import Execution
from onward.contract.log import Log

_SECONDS = 2.0


class Remembered(msgspec.Struct, frozen=True):
    """An execution as execution_state answers it."""

    execution: Execution
    position: int = 0


class States:
    """Finds executions of a project."""

    def __init__(self, events: EventLog, messages: Messages) -> None:
        self._events, self._messages = events, messages

    async def find(self, project: str, execution_id: str) -> Log | Remembered:
        """The execution, from wherever it is. Raises NotFound on proof, Unavailable without one."""
        if (log := await self._log(project, execution_id)) is not None:
            return log
        if (remembered := await self._remembered(project, execution_id)) is not None:
            return remembered
        # Not in Postgres, then not in EVENTS: in this order it is a proof (PROTOCOL T3).
        if (log := await self._log(project, execution_id)) is not None:
            return log
        raise NotFound(f"there is no execution {execution_id}")

    async def again(self, log: Log) -> Log:
        """The log with what was appended since."""
        return await self._events.read_on(log)

    async def _log(self, project: str, execution_id: str) -> Log | None:
        try:
            return await self._events.read(project, execution_id)
        except BrokenLog:
            return None  # its beginning was purged: the whole of it is in Postgres

    async def _remembered(self, project: str, execution_id: str) -> Remembered | None:
        question = msgspec.json.encode({"project": project, "id": execution_id})
        reply = await self._messages.ask(subjects.ask("state", "execution"), question, timeout=_SECONDS)
        if reply is None:
            raise Unavailable("execution_state does not answer", fix="see `onward doctor`", retry_after=2)
        try:
            return msgspec.json.decode(reply, type=Remembered | None)
        except msgspec.ValidationError:
            raise Unavailable("execution_state cannot answer just now", retry_after=2) from None
