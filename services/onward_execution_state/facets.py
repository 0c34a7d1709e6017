"""The combinations of task, queue, environment, agent and team that occur: each is written once, and remembered."""

from collections.abc import Iterable
from typing import Any

from onward_execution_state import store
from onward_execution_state.database import Connection
from onward_execution_state.fold import Known

_MOST = 100_000
Facet = tuple[Any, ...]


class Facets:
    """Those that are known to be written."""

    def __init__(self) -> None:
        self._written: set[Facet] = set()

    async def save(self, connection: Connection, changed: Iterable[Known]) -> set[Facet]:
        """Writes those of these executions that are new, and returns them."""
        found = {_facet(known) for known in changed} - self._written
        if found:
            await store.save_facets(connection, found)
        return found

    def put(self, written: set[Facet]) -> None:
        """They are committed."""
        if len(self._written) > _MOST:
            self._written.clear()
        self._written |= written

    def forget(self) -> None:
        """What Postgres holds may differ."""
        self._written.clear()


def _facet(known: Known) -> Facet:
    state = known.state
    return state.project, state.task, state.queue, state.environment, state.agent_id, state.team_id
