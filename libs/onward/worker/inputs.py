"""What a running attempt gets from outside: the answers of people, and the events that others send."""

from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract.execution import Wait
from onward.tasks import codec
from onward.tasks.awaited import AwaitedEvent, Question
from onward.tasks.outcome import Expired
from onward.worker.course import Course
from onward.worker.waits import Waits


class Inputs:
    """The questions of one attempt, and the events that it waits for."""

    def __init__(self, course: Course, waits: Waits) -> None:
        self._course, self._waits = course, waits

    def ask(self, question: Question) -> Coroutine[Any, Any, Any]:
        """The answer as an awaitable; the question's place among the others is counted now."""
        # The key is the question's id, and that stands in addresses.
        key = self._course.places.wait("question").replace("/", ".").replace("#", "-")
        return self._ask(key, question)

    def wait_event(self, awaited: AwaitedEvent) -> Coroutine[Any, Any, Any]:
        """The value as an awaitable; the wait's place among those for this event is counted now."""
        return self._wait_event(self._course.places.wait(f"event.{awaited.name}"), awaited)

    async def _ask(self, key: str, question: Question) -> Any:
        async def begin() -> None:
            await self._course.append(
                ev.QuestionAsked, wait=key, text=question.text, choices=question.choices, schema=_schema(question),
                to=question.to, until=self._end(question.wait), default=question.default,
                remind_every=question.remind,
            )  # fmt: skip

        wait = await self._waits.outcome(key, begin)
        return _value(wait, question.wanted, f"nobody answered in time: {question.text}", "the answer")

    async def _wait_event(self, key: str, awaited: AwaitedEvent) -> Any:
        async def begin() -> None:
            await self._course.append(
                ev.EventAwaited, wait=key, name=awaited.name, until=self._end(awaited.timeout),
                default=awaited.default,
            )  # fmt: skip

        wait = await self._waits.outcome(key, begin)
        return _value(
            wait,
            awaited.wanted,
            f"no event {awaited.name} came in time",
            f"the value of event {awaited.name}",
        )

    def _end(self, seconds: float | None) -> datetime | None:
        return None if seconds is None else self._course.hold.moment().now + timedelta(seconds=seconds)


def _schema(question: Question) -> msgspec.Raw | None:
    schema = None if question.choices else codec.schema(question.wanted)
    return None if schema is None else msgspec.Raw(msgspec.json.encode(schema))


def _value(wait: Wait, wanted: Any, too_late: str, what: str) -> Any:
    if wait.answer is None:
        raise Expired(too_late)
    try:
        return codec.decode(wait.answer, codec.usable(wanted))
    except msgspec.ValidationError as error:
        raise ValueError(f"{what} does not fit: {error}") from error
