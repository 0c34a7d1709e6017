"""Answers that a test gives beforehand: each waits for its question."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any

import msgspec

from onward.contract import commands
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.execution import Execution
from onward.tasks import codec
from onward.testing.run import Stuck

Command = Callable[[Execution, Moment], tuple[ev.AnyEvent, ...]]


class Answer:
    """An answer under way. Awaiting it is possible, and not needed: the Lab's end tells of one that nobody took."""

    def __init__(self, giving: "asyncio.Task[None]", value: Any) -> None:
        self.giving, self._value = giving, value
        self._awaited = False

    def __await__(self) -> Generator[Any, None, None]:
        self._awaited = True
        return self.giving.__await__()

    def end(self) -> Exception | None:
        """What is wrong with it and was not told yet."""
        if not self.giving.done():
            self.giving.cancel()
            return Stuck(f"the answer {self._value!r} was given to a question that was never asked")
        error = None if self.giving.cancelled() else self.giving.exception()
        return error if isinstance(error, Exception) and not self._awaited else None


def answering(
    value: Any, question: str | None, *,
    until: Callable[[Callable[[Execution], bool]], Awaitable[Execution]], act: Callable[[Command], Awaitable[None]],
) -> Answer:  # fmt: skip
    """Gives `value` to the next question, or to that of this id, as soon as it is open."""
    raw = codec.encode(value, "the answer")

    async def give() -> None:
        await until(lambda state: state.ended or _asks(state, question))
        await act(partial(_answered, raw=raw, question=question))

    return Answer(asyncio.get_running_loop().create_task(give()), value)


def _asks(state: Execution, question: str | None) -> bool:
    open_now = [key for key, wait in state.waits.items() if wait.kind == "question" and not wait.done]
    return question in open_now if question else bool(open_now)


def _answered(
    state: Execution, moment: Moment, *, raw: msgspec.Raw, question: str | None
) -> tuple[ev.AnyEvent, ...]:
    events = commands.answer(state, moment, raw, question)
    for event in events:
        choices = state.waits[event.wait].choices if isinstance(event, ev.Answered) else ()
        if choices and msgspec.json.decode(raw) not in choices:
            raise ValueError(f"the answer {bytes(raw).decode()} is none of the choices: {', '.join(choices)}")
    return events
