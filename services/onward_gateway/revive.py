"""A decision about an execution whose log was purged: its state comes back with it, as `carried` events."""

import asyncio
from collections.abc import Callable, Sequence

from onward.contract import events as ev
from onward.contract.carry import carry
from onward.contract.decide import Moment
from onward.contract.errors import Behind, FenceLost
from onward.contract.execution import Execution
from onward.contract.lifecycle import fold
from onward.contract.log import Decision, Log, Stored
from onward_gateway.gateway import Gateway
from onward_gateway.state import Remembered

Decide = Callable[[Log, Moment], Sequence[ev.AnyEvent]]

_PATIENCE_SECONDS = 5.0


async def decide_again(
    gateway: Gateway, project: str, remembered: Remembered, moment: Moment, decide: Decide
) -> Execution | Log:
    """The execution after `decide`, or its log where somebody else brought it back first (PROTOCOL T2)."""
    loop = asyncio.get_running_loop()
    end, expected, execution_id = loop.time() + _PATIENCE_SECONDS, 0, remembered.execution.id
    while True:
        if remembered.position >= expected:
            told = await gateway.state.events(project, execution_id)
            log = _as_log(told)
            if not decide(log, moment):
                return log.execution
            carried = carry(log.execution, told, moment)
            back = _as_log(carried)
            decision = (*carried, *decide(back, moment))
            try:
                await gateway.events.append(
                    Decision(project=project, execution_id=execution_id, expected=expected, events=decision)
                )
                return fold(decision[len(carried) :], back.execution)
            except FenceLost as lost:
                expected = lost.floor
        if (found := await gateway.finder.log(project, execution_id)) is not None:
            return found
        # The tail of a log is left, and Postgres has to know all of it before anything goes on top.
        if loop.time() > end:
            raise Behind(f"the projection has not reached execution {execution_id} yet", retry_after=2)
        await asyncio.sleep(0.05)
        remembered = await gateway.state.execution(project, execution_id) or remembered


def _as_log(events: Sequence[ev.AnyEvent]) -> Log:
    """A log of these; where they are stored, nobody asks."""
    return Log.of(Stored(event.n, event) for event in events)
