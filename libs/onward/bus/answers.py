"""Answers to requests: one wildcard subject for all of them, a number for each, no subscription and no timer."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec

from onward.bus.wire import Reply, status_of
from onward.contract.errors import Unavailable

SWEEP_SECONDS = 0.05

Then = Callable[[Reply | Unavailable], None]
More = Callable[[Reply], bool]


class NoAnswer(Unavailable):
    """NATS did not answer in time."""


class Waiting(msgspec.Struct, gc=False):
    """Who waits for an answer: `then` gets it, or the error; `more` says of each one whether another follows."""

    then: Then
    deadline: float
    more: More | None = None


class Answers:
    """Who waits for what, by the last token of the reply subject."""

    def __init__(self, inbox: str) -> None:
        self.inbox = inbox
        self._cut = len(inbox)
        self._number = 0
        self._waiting: dict[int, Waiting] = {}
        self._sweeping = False
        self._loop = asyncio.get_running_loop()

    def call_with_answer(self, timeout: float, then: Then, more: More | None = None) -> str:
        """A reply subject; `then` is called with what comes there, or with Unavailable, as soon as it is known."""
        self._number += 1
        self._waiting[self._number] = Waiting(then, time.monotonic() + timeout, more)
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(SWEEP_SECONDS, self._sweep)
        return f"{self.inbox}{self._number}"

    def expect(self, timeout: float, more: More | None = None) -> tuple[str, "asyncio.Future[Any]"]:
        """A reply subject, and the future of what comes there; raises Unavailable when nothing does in time."""
        future = self._loop.create_future()
        return self.call_with_answer(timeout, lambda outcome: _settle(future, outcome), more), future

    def answered(self, subject: bytes, _reply: bytes, headers: bytes, data: bytes) -> None:
        """Hand on what came; a listener."""
        token = subject[self._cut :]
        waiting = self._waiting.get(int(token)) if token.isdigit() else None
        if waiting is None:
            return
        answer = Reply(status_of(headers) if headers else 0, subject, headers, data)
        if waiting.more is None or not waiting.more(answer):
            del self._waiting[int(token)]
            waiting.then(answer)

    def fail_all(self, why: str) -> None:
        """Nobody will get an answer any more."""
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            each.then(Unavailable(why, retry_after=1))

    def _sweep(self) -> None:
        now = time.monotonic()
        late = [number for number, waiting in self._waiting.items() if waiting.deadline < now]
        for number in late:
            self._waiting.pop(number).then(NoAnswer(retry_after=1))
        self._sweeping = bool(self._waiting)
        if self._sweeping:
            self._loop.call_later(SWEEP_SECONDS, self._sweep)


def _settle(future: "asyncio.Future[Any]", outcome: Reply | Unavailable) -> None:
    if future.done():
        return
    if isinstance(outcome, Reply):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)
        # Looked at, so that nothing is logged where the asker fails for another answer first.
        future.exception()
