"""Which agent of a team gets an execution, by what this gateway knows.

Each gateway goes round by itself, from a random place on: with n gateways no agent gets more than n executions more
than another one.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from onward.contract.agents import AgentSpec, TeamSpec
from onward.contract.errors import OnwardError
from onward_gateway.known import Known
from onward_gateway.presence import Presence

log = logging.getLogger(__name__)

OLD = 1.0
"""Seconds after which open executions are counted again, where somebody asks."""
_DEFAULT_QUEUE = "default"
Count = Callable[[str], Awaitable[dict[str, int]]]
Later = Callable[[Awaitable[None]], None]


class Teams:
    """Remembers whose turn it is, and how many open executions each agent has."""

    def __init__(
        self, presence: Presence, count: Count, later: Later, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._presence, self._count, self._later, self._clock = presence, count, later, clock
        self._turns: dict[tuple[str, str], int] = {}
        self._open: dict[str, Counter[str]] = {}
        self._asked: dict[str, float] = {}

    def pick(self, project: str, team: TeamSpec, known: Known) -> AgentSpec | None:
        """The agent that performs the next execution of this team; None where none of them exists."""
        there = [
            agent for name in team.agents if (agent := known.specs.get(project, AgentSpec, name)) is not None
        ]
        if not there:
            return None
        match team.routing:
            case "first":
                chosen = next((agent for agent in there if self._served(project, agent, known)), there[0])
            case "least_busy":
                busy = self._busy(project)
                turn = self._turn(project, team.name)
                order = [*there[turn % len(there) :], *there[: turn % len(there)]]
                chosen = min(order, key=lambda agent: busy[agent.name])
            case _:
                chosen = there[self._turn(project, team.name) % len(there)]
        self._open.setdefault(project, Counter())[chosen.name] += 1
        return chosen

    def _turn(self, project: str, team: str) -> int:
        turn = self._turns.get((project, team), random.randrange(2**16)) + 1
        self._turns[project, team] = turn
        return turn

    def _served(self, project: str, agent: AgentSpec, known: Known) -> bool:
        task = known.task(project, agent.task)
        queue = agent.queue or (task.spec.queue if task else _DEFAULT_QUEUE)
        return self._presence.listens(project, queue, agent.task)

    def _busy(self, project: str) -> Counter[str]:
        now = self._clock()
        if now - self._asked.get(project, float("-inf")) >= OLD:
            self._asked[project] = now
            self._later(self._look(project))
        return self._open.setdefault(project, Counter())

    async def _look(self, project: str) -> None:
        """What is open by now; while nobody tells, what this gateway has placed is all that counts."""
        before = Counter(self._open.get(project, Counter()))
        try:
            told = await self._count(project)
        except OnwardError as error:
            log.debug("nobody counts the open executions of agents: %s", error)
            return
        placed = self._open.get(project, Counter()) - before
        self._open[project] = Counter(told) + placed
