"""Answers: what other services ask about executions over request and reply; any number of replicas (PROTOCOL J3)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from onward.bus.ports import Messages
from onward.contract import events as ev
from onward.contract import history, subjects
from onward.contract.errors import InvalidBody, NotFound, OnwardError, TooLarge, Unavailable
from onward.contract.view import ExecutionView, StallView, view
from onward_execution_state import question_listing, rows
from onward_execution_state.agent_loads import LoadsAnswers
from onward_execution_state.analytics.answers import Analytics
from onward_execution_state.analytics.error_groups import ErrorGroups
from onward_execution_state.analytics.sizing import SizingAnswers
from onward_execution_state.bulk import BulkAnswers
from onward_execution_state.database import Database
from onward_execution_state.listing import ListQuestion, asked_of, cursor_after, id_range
from onward_execution_state.missed import LossAnswers
from onward_execution_state.open_counts import OpenCounts
from onward_execution_state.overview import Overview
from onward_execution_state.question_listing import QuestionsQuestion
from onward_execution_state.scheduling.history import RunsAnswers
from onward_execution_state.standing import StandingAnswers
from onward_execution_state.statements import load
from onward_execution_state.store import Source
from onward_execution_state.utilisation import UtilisationAnswers

log = logging.getLogger(__name__)

GROUP = "onward-execution-state"
FRESH_ENOUGH_SECONDS = 1.5
"""How long an answer waits for the position it is asked for; who asks waits for the answer only little longer."""
MOST_EVENTS = 1000
MOST_REPAIRS = 200
# A reply is one message; NATS takes 1 MiB by default.
REPLY_BYTES = 900_000

_SQL = load("queries.sql")
_encode = msgspec.json.encode
_Answer = Callable[[bytes], Awaitable[Any]]


class One(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks for one execution, and of its events those after `after`."""

    project: str
    id: str
    after: int = 0


class Prefix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks for ids by their beginning."""

    project: str
    prefix: str
    limit: int = 10


class AsOf(msgspec.Struct, frozen=True):
    """Up to which EVENTS sequence an answer knows everything; `at` is when the projection got there."""

    position: int
    at: datetime | None


class Page(msgspec.Struct, frozen=True):
    """One page of a list."""

    items: list[msgspec.Raw]
    next_cursor: str | None
    as_of: AsOf


class Queries:
    """Every question this service answers, by name."""

    def __init__(
        self,
        database: Database,
        source: Callable[[], Awaitable[Source]],
        overview: Overview,
        *,
        patience_seconds: float = FRESH_ENOUGH_SECONDS,
        more: Mapping[str, _Answer] | None = None,
    ) -> None:
        self._patience_seconds = patience_seconds
        self._database = database
        self._source = source
        self._overview = overview
        self._bulk = BulkAnswers(database, overview.clock, self._caught_up)
        self._answers: dict[str, _Answer] = {
            "list": self._list,
            "questions": self._questions,
            "execution": self._execution,
            "stalled": self._stalled,
            "events": self._events,
            "attempts": lambda data: self._history(data, history.attempts),
            "steps": lambda data: self._history(data, history.steps),
            "checkpoints": lambda data: self._history(data, history.checkpoints),
            "prefix": self._prefix,
            "position": self._position,
            "repairs": self._repairs,
            "losses": LossAnswers(database).losses,
            "workers": overview.workers,
            "queues": overview.queues,
            "metrics": overview.metrics,
            "agent_loads": LoadsAnswers(database).loads,
            "schedule_runs": RunsAnswers(database).runs,
            **Analytics(database, overview.clock).answers(),
            **ErrorGroups(database, overview.clock).answers(),
            **SizingAnswers(database, overview, overview.clock).answers(),
            "utilisation": UtilisationAnswers(database, overview.clock).utilisation,
            "standing": StandingAnswers(database, overview.clock).standing,
            **OpenCounts(database).answers(),
            **self._bulk.all(),
            **(more or {}),
        }

    async def serve(self, messages: Messages) -> None:
        """Answers from now on."""
        for name in self._answers:
            await messages.subscribe(subjects.ask("state", name), self.answer, group=GROUP)

    async def close(self) -> None:
        """Ends what the answers have of their own."""
        await self._bulk.close()

    async def answer(self, subject: str, data: bytes) -> bytes:
        """The reply to one question, or {"problem": …}."""
        name = subject.rpartition(".")[2]
        try:
            reply = await self._answers[name](data or b"{}")
            return _fitting(reply if isinstance(reply, bytes) else _encode(reply))
        except msgspec.MsgspecError as error:
            return _problem(InvalidBody(f"question {name}: {error}"))
        except OnwardError as error:
            return _problem(error)
        except Exception:
            log.exception("the question %s could not be answered", name)
            return _problem(OnwardError(f"the question {name} could not be answered", fix="see the log"))

    async def _list(self, data: bytes) -> Page:
        question = msgspec.json.decode(data, type=ListQuestion)
        # Read first, so that the page holds at least what it says.
        as_of = await self._as_of(question.min_position)
        asked = await asked_of(self._database, question)
        found = await self._database.ask(asked.statement, *asked.arguments)
        if asked.wider is not None and len(found) <= question.limit:
            found = await self._database.ask(asked.statement, *asked.wider)
        shown = found[: question.limit]
        items = _within(REPLY_BYTES, [_shown(row) for row in shown])
        more = len(found) > len(items)
        last = shown[len(items) - 1] if items else None
        return Page(items, cursor_after(last["created_at"], last["id"]) if more and last else None, as_of)

    async def _questions(self, data: bytes) -> Page:
        question = msgspec.json.decode(data, type=QuestionsQuestion)
        asked = question_listing.arguments(question)
        as_of = await self._as_of(question.min_position)
        found = await self._database.ask(_SQL["list_questions"], *asked)
        items = _within(REPLY_BYTES, [msgspec.Raw(row["body"]) for row in found[: question.limit]])
        if len(found) == len(items):
            return Page(items, None, as_of)
        last = found[len(items) - 1]
        cursor = question_listing.cursor_after(last["asked_at"], last["execution_id"], last["n"])
        return Page(items, cursor, as_of)

    async def _execution(self, data: bytes) -> dict[str, Any] | None:
        one = msgspec.json.decode(data, type=One)
        found = await self._database.ask(_SQL["execution"], one.project, one.id)
        if not found:
            return None
        position = (await self._as_of(None)).position
        state = msgspec.Raw(found[0]["state"])
        return {"execution": state, "sequence": found[0]["sequence"], "position": position}

    async def _stalled(self, data: bytes) -> StallView | None:
        one = msgspec.json.decode(data, type=One)
        found = await self._database.ask(_SQL["stalled"], one.project, one.id)
        return StallView(because=found[0]["because"], since=found[0]["since"]) if found else None

    async def _events(self, data: bytes) -> list[msgspec.Raw]:
        found = await self._stored(msgspec.json.decode(data, type=One))
        return _within(REPLY_BYTES, [msgspec.Raw(row["body"]) for row in found])

    async def _history(self, data: bytes, derive: Callable[[list[ev.AnyEvent]], list[Any]]) -> list[Any]:
        one = msgspec.json.decode(data, type=One)
        events: list[ev.AnyEvent] = []
        while found := await self._stored(one):
            events += [ev.decode(row["body"]) for row in found]
            one = msgspec.structs.replace(one, after=found[-1]["n"])
        if not events:
            raise NotFound(f"no events of execution {one.id} are stored here")
        return derive(events)

    async def _stored(self, one: One) -> list[asyncpg.Record]:
        return await self._database.ask(_SQL["events"], one.project, one.id, one.after, MOST_EVENTS)

    async def _prefix(self, data: bytes) -> list[str]:
        asked = msgspec.json.decode(data, type=Prefix)
        low, high = id_range(asked.prefix)
        limit = max(1, min(asked.limit, 100))
        found = await self._database.ask(_SQL["ids_with_prefix"], asked.project, low, high, limit)
        return [str(row["id"]) for row in found]

    async def _position(self, data: bytes) -> AsOf:
        del data
        return await self._as_of(None)

    async def _repairs(self, data: bytes) -> list[dict[str, Any]]:
        del data
        found = await self._database.ask(_SQL["repairs"], MOST_REPAIRS)
        return [{**row, "execution_id": str(row["execution_id"])} for row in found]

    async def _caught_up(self) -> None:
        """Waits until all that was accepted before is projected. Raises Unavailable."""
        last = await self._overview.last_sequence()
        if (await self._as_of(last)).position < last:
            raise Unavailable("the projection is behind", fix="try again in a moment", retry_after=2)

    async def _as_of(self, at_least: int | None) -> AsOf:
        """How far the projection is, after waiting a moment for `at_least`."""
        source = await self._source()
        deadline = asyncio.get_running_loop().time() + self._patience_seconds
        pause = 0.005
        while True:
            found = await self._database.ask(_SQL["as_of"], source.stream, source.incarnation)
            as_of = AsOf(found[0]["sequence"], found[0]["at"]) if found else AsOf(0, None)
            left = deadline - asyncio.get_running_loop().time()
            if as_of.position >= (at_least or 0) or left <= 0:
                return as_of
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 2, 0.1)


def _shown(row: asyncpg.Record) -> msgspec.Raw:
    stalled = StallView(because=row["because"], since=row["since"]) if row["because"] else None
    shown: ExecutionView = view(rows.state_of(row["state"]), stalled)
    encoded = _encode(shown)
    if len(encoded) > REPLY_BYTES:
        # One so large is read by its own address; a list shows the rest of it.
        encoded = _encode(msgspec.structs.replace(shown, input=msgspec.Raw(b"null"), output=None))
    return msgspec.Raw(encoded)


def _within(most: int, items: list[msgspec.Raw]) -> list[msgspec.Raw]:
    """As many of the first items as fit, and one at least."""
    size = 0
    for place, item in enumerate(items):
        size += len(memoryview(item)) + 1
        if size > most and place:
            return items[:place]
    return items


def _fitting(reply: bytes) -> bytes:
    if len(reply) > REPLY_BYTES + 100_000:
        return _problem(TooLarge("the answer does not fit into one message", fix="ask for it page by page"))
    return reply


def _problem(error: OnwardError) -> bytes:
    problem = {"code": error.code, "status": error.status, "message": str(error), "fix": error.fix}
    return _encode({"problem": {**problem, "retry_after": error.retry_after}})
