"""Whether what follows an execution may begin: policies live in the gateway, which is asked where there are some."""

import msgspec

from onward.bus.ports import Messages
from onward.bus.specs import Copy
from onward.contract import events as ev
from onward.contract import inside, subjects
from onward.contract.errors import Unavailable

_SECONDS = 5.0
_POLICY = "policy"


class Permits:
    """Asks any gateway."""

    def __init__(self, messages: Messages, config: Copy) -> None:
        self._messages, self._config = messages, config

    def _concerns(self, first: ev.Submitted) -> bool:
        agent = self._config.get(first.project, "agent", first.agent_id) if first.agent_id else None
        return bool(self._config.items(first.project, _POLICY)) or (
            agent is not None and b'"policy":"' in agent[0]
        )

    async def __call__(self, first: ev.Submitted) -> ev.Failure | None:
        """How it fails where a policy denies it. Raises Unavailable where nobody can say."""
        if not self._concerns(first):
            return None
        subject = subjects.ask(inside.SERVICE, inside.POLICE)
        said = await self._messages.ask(subject, ev.encode(first), timeout=_SECONDS)
        reply = inside.Reply() if said is None else msgspec.json.decode(said, type=inside.Reply)
        if reply.done is None:
            why = "no gateway answers" if reply.problem is None else reply.problem.message
            raise Unavailable(f"nobody says whether {first.execution_id} may begin: {why}")
        return reply.done.denied
