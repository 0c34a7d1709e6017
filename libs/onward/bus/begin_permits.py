"""Whether something may begin that nobody submits at a gateway: a child, what follows an end. Policies live there."""

from collections.abc import Awaitable, Callable

import msgspec

from onward.bus.ports import Messages
from onward.bus.specs import Copy
from onward.contract import events as ev
from onward.contract import inside, subjects
from onward.contract.errors import Unavailable
from onward.contract.execution import Execution

BeginPermit = Callable[[ev.Submitted | Execution], Awaitable[ev.Failure | None]]
"""How what begins, or is to live once more, fails at once where a policy denies it."""
_SECONDS = 5.0
_POLICY = "policy"


async def anything(_one: ev.Submitted | Execution) -> ev.Failure | None:
    """There are no policies."""
    return None


class BeginPermits:
    """Asks any gateway, and nobody where no policy can concern it."""

    def __init__(self, messages: Messages, config: Copy) -> None:
        self._messages, self._config = messages, config

    async def ask(self, one: ev.Submitted | Execution) -> ev.Failure | None:
        """Raises Unavailable where nobody can say."""
        if not self._concerns(one):
            return None
        if isinstance(one, ev.Submitted):
            query, body, which = inside.POLICE, ev.encode(one), one.execution_id
        else:
            query, body, which = inside.POLICE_AGAIN, msgspec.json.encode(one), one.id
        said = await self._messages.ask(subjects.ask(inside.SERVICE, query), body, timeout=_SECONDS)
        reply = inside.Reply() if said is None else msgspec.json.decode(said, type=inside.Reply)
        if reply.done is None:
            why = "no gateway answers" if reply.problem is None else reply.problem.message
            raise Unavailable(f"nobody says whether {which} may begin: {why}")
        return reply.done.denied

    def _concerns(self, one: ev.Submitted | Execution) -> bool:
        agent = self._config.get(one.project, "agent", one.agent_id) if one.agent_id else None
        return bool(self._config.items(one.project, _POLICY)) or (
            agent is not None and b'"policy":"' in agent[0]
        )
