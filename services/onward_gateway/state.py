"""Questions to execution_state, which owns Postgres: what EVENTS no longer holds, and lists."""

from datetime import datetime
from typing import Any

import msgspec

from onward.bus.ports import Messages
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import InvalidBody, InvalidParameter, NotFound, OnwardError, TooLarge, Unavailable
from onward.contract.execution import Execution
from onward.contract.explain import Standing
from onward.contract.losses import LossView
from onward.contract.schedules import TickView
from onward.contract.view import StallView
from onward.contract.workers import WorkerView

_SECONDS = 2.0
_LIST_SECONDS = 5.0
_LONG_SECONDS = 15.0
_BRIEFLY = 0.5
"""For what an answer can do without."""
_WHO = "execution_state"
_MEANT: dict[str, type[OnwardError]] = {
    kind.code: kind for kind in (InvalidBody, InvalidParameter, NotFound, TooLarge)
}
"""Refusals that are about what was asked; all others mean that it cannot answer just now."""


class Remembered(msgspec.Struct, frozen=True):
    """An execution as Postgres knows it, with the EVENTS sequence up to which Postgres knows everything."""

    execution: Execution
    position: int = 0


class AsOf(msgspec.Struct, frozen=True):
    """Up to which EVENTS sequence a list knows everything, and when that was reached."""

    position: int
    at: datetime | None = None


class Page(msgspec.Struct, frozen=True):
    """A page of executions or questions as they are shown, newest first."""

    items: list[msgspec.Raw]
    next_cursor: str | None
    as_of: AsOf


class RunsPage(msgspec.Struct, frozen=True):
    """A page of what became of ticks, newest first."""

    items: list[TickView]
    next_cursor: str | None


class ClassDepth(msgspec.Struct, frozen=True):
    """What one priority class of a queue holds."""

    waiting: int
    running: int | None = None
    oldest: datetime | None = None


class QueueDepth(msgspec.Struct, frozen=True):
    """What a queue holds: hints that nobody took, and executions that workers hold."""

    queue: str
    waiting: int
    running: int | None = None
    oldest: datetime | None = None
    workers: int = 0
    classes: dict[str, ClassDepth] = {}


class Refusal(msgspec.Struct, frozen=True):
    """What execution_state answers where it cannot answer."""

    code: str
    message: str = ""
    fix: str = ""
    retry_after: float | None = None


class _Envelope(msgspec.Struct, frozen=True):
    problem: Refusal


class State:
    """Asks execution_state; every question raises Unavailable where it, or Postgres, does not answer."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def execution(self, project: str, execution_id: str) -> Remembered | None:
        """One execution; None proves that it was not in Postgres at that moment."""
        asked = {"project": project, "id": execution_id}
        found: Remembered | None = await self._ask("execution", asked, Remembered | None)
        return found

    async def stalled(self, project: str, execution_id: str) -> StallView | None:
        """Why it seems to make no progress, if it does."""
        asked = {"project": project, "id": execution_id}
        found: StallView | None = await self._ask("stalled", asked, StallView | None, _BRIEFLY)
        return found

    async def losses(self, project: str) -> list[LossView]:
        """What was found lost, by kind."""
        found: list[LossView] = await self._ask("losses", {"project": project}, list[LossView])
        return found

    async def events(self, project: str, execution_id: str) -> list[ev.AnyEvent]:
        """Everything that happened to one execution, as far as it is projected."""
        found: list[ev.AnyEvent] = []
        while True:
            asked = {"project": project, "id": execution_id, "after": found[-1].n if found else 0}
            raws: list[msgspec.Raw] = await self._ask("events", asked, list[msgspec.Raw], _LIST_SECONDS)
            if not raws:
                return found
            found += [ev.decode(bytes(raw)) for raw in raws]

    async def prefix(self, project: str, prefix: str) -> list[str]:
        """The ids that begin so, or enough of them to know that they are several."""
        found: list[str] = await self._ask("prefix", {"project": project, "prefix": prefix}, list[str])
        return found

    async def page(self, project: str, filters: dict[str, Any]) -> Page:
        """A page of executions."""
        found: Page = await self._ask("list", {"project": project, **filters}, Page, _LIST_SECONDS)
        return found

    async def questions(self, project: str, filters: dict[str, Any]) -> Page:
        """A page of questions."""
        found: Page = await self._ask("questions", {"project": project, **filters}, Page, _LIST_SECONDS)
        return found

    async def schedule_runs(self, project: str, schedule: str, asked: dict[str, Any]) -> RunsPage:
        """A page of what became of the ticks of a schedule."""
        body = {"project": project, "schedule": schedule, **asked}
        found: RunsPage = await self._ask("schedule_runs", body, RunsPage, _LIST_SECONDS)
        return found

    async def queues(self, project: str) -> list[QueueDepth]:
        """Each queue, with what waits in it."""
        found: list[QueueDepth] = await self._ask("queues", {"project": project}, list[QueueDepth])
        return found

    async def agent_loads(self, project: str) -> dict[str, int]:
        """How many open executions each agent has; who has none is not in it."""
        found: dict[str, int] = await self._ask("agent_loads", {"project": project}, dict[str, int])
        return found

    async def standing(self, state: Execution, sequence: int) -> Standing:
        """How many of its class of the queue come before an execution, and how fast they start."""
        asked = {
            "project": state.project, "id": state.id, "route": state.route, "sequence": sequence,
            "created_at": state.created_at,
        }  # fmt: skip
        found: Standing = await self._ask("standing", asked, Standing)
        return found

    async def workers(self, project: str) -> list[WorkerView]:
        """The workers heard of lately, those that are gone included."""
        found: list[WorkerView] = await self._ask("workers", {"project": project}, list[WorkerView])
        return found

    async def bulk(self, query: str, body: dict[str, Any], kind: Any) -> Any:
        """A question about operations on many executions."""
        return await self._ask(f"bulk_{query}", body, kind, _LONG_SECONDS)

    async def figures(self, question: str, project: str, asked: dict[str, Any]) -> msgspec.Raw:
        """An answer about what is counted, as it came."""
        found: msgspec.Raw = await self._ask(
            question, {"project": project, **asked}, msgspec.Raw, _LIST_SECONDS
        )
        return found

    async def alerting(self, query: str, body: dict[str, Any], kind: Any) -> Any:
        """A question about incidents and deliveries."""
        return await self._ask(query, body, kind, _LIST_SECONDS)

    async def audit(self, query: str, body: dict[str, Any], kind: Any) -> Any:
        """A question about who did what."""
        return await self._ask(query, body, kind, _LONG_SECONDS)

    async def _ask(self, query: str, body: dict[str, Any], kind: Any, timeout: float = _SECONDS) -> Any:
        data = msgspec.json.encode(body)
        reply = await self._messages.ask(subjects.ask("state", query), data, timeout=timeout)
        if reply is None:
            raise Unavailable(
                f"{_WHO} does not answer",
                fix="see `onward doctor`; submitting works meanwhile",
                retry_after=2,
            )
        if reply.startswith(b'{"problem"'):
            raise _refused(msgspec.json.decode(reply, type=_Envelope).problem)
        return msgspec.json.decode(reply, type=kind)


def _refused(refusal: Refusal) -> OnwardError:
    kind = _MEANT.get(refusal.code)
    if kind is not None:
        return kind(refusal.message, fix=refusal.fix)
    return Unavailable(f"{_WHO}: {refusal.message}", fix=refusal.fix, retry_after=refusal.retry_after or 2)
