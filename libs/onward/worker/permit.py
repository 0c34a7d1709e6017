"""Asks the gateway, which has the policies, whether a step may run that names one."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from onward.bus.ports import Messages
from onward.contract import inside, subjects
from onward.contract.policies import SERVICE_QUERY, Answered, StepAsked, Verdict

Permit = Callable[[StepAsked], Awaitable[tuple[Verdict, ...]]]
"""The verdicts about a step."""
PATIENCE = 30.0
"""Seconds without an answer after which the attempt fails, and another one asks again."""
_SECONDS, _PAUSE = 5.0, 0.5


class NoVerdict(Exception):
    """Nobody answered whether a step may run: it did not, and another attempt will ask again."""


class Permits:
    """Asks any gateway; while none answers, the step waits."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def ask(self, asked: StepAsked) -> tuple[Verdict, ...]:
        """Raises NoVerdict where nobody answers for long."""
        loop = asyncio.get_running_loop()
        end, why = loop.time() + PATIENCE, "no gateway answers"
        subject, data = subjects.ask(inside.SERVICE, SERVICE_QUERY), msgspec.json.encode(asked)
        while loop.time() < end:
            reply = await self._messages.ask(subject, data, timeout=_SECONDS)
            if reply is not None:
                answered = msgspec.json.decode(reply, type=Answered)
                if answered.problem is None:
                    return answered.verdicts
                why = answered.problem
            await asyncio.sleep(_PAUSE)
        raise NoVerdict(f"policy {asked.policy} could not be asked about step {asked.step}: {why}")
