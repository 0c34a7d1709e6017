"""The question `agent_loads`: how many open executions each agent has."""

import msgspec

from onward_execution_state.database import Database
from onward_execution_state.statements import load

_SQL = load("agents.sql")


class LoadsQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks about all agents of a project."""

    project: str


class LoadsAnswers:
    """Counts in Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def loads(self, data: bytes) -> dict[str, int]:
        """Open executions by the agent's name; who has none is not in it."""
        asked = msgspec.json.decode(data, type=LoadsQuestion)
        found = await self._database.ask(_SQL["open_of_agents"], asked.project)
        return {row["agent_id"]: row["open"] for row in found}
