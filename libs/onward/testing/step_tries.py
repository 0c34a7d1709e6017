"""What a Lab does around each try of a step: notes it, fails it where a test wants that, makes chance repeatable."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

import msgspec

from onward.worker.around import Run, StepTry


class Tried(msgspec.Struct, frozen=True):
    """One try of a step that began."""

    execution_id: str
    scope: str
    name: str
    key: str
    saved: bool
    """Whether its result was saved already: it must not have been tried."""


class Failing(msgspec.Struct):
    """A failure that a test asked for."""

    name: str
    error: BaseException | type[BaseException]
    times: int
    after: bool
    execution_id: str | None


class StepTries:
    """The tries of all steps of one Lab."""

    def __init__(self, now: Callable[[], datetime] | None, is_saved: Callable[[StepTry], bool]) -> None:
        self.tried: list[Tried] = []
        self.failing: list[Failing] = []
        self._now, self._is_saved = now, is_saved

    async def around(self, step: StepTry, run: Run) -> Any:
        """See onward.worker.around."""
        if (made := self._made(step)) is not None:
            return made
        self.tried.append(
            Tried(step.execution_id, step.scope, step.name, step.key, saved=self._is_saved(step))
        )
        failing = self._failing(step)
        if failing is None:
            return await run()
        failing.times -= 1
        if failing.after:
            await run()
        else:
            await asyncio.sleep(0)
        raise failing.error

    def _failing(self, step: StepTry) -> Failing | None:
        for failing in self.failing:
            of_it = failing.execution_id in (None, step.execution_id)
            if failing.times > 0 and failing.name == step.name and of_it:
                return failing
        return None

    def _made(self, step: StepTry) -> Any:
        """What now(), uuid() and random() give on a virtual clock: its time, and the same chance in every run."""
        if self._now is None:
            return None
        chance = Random(f"{step.execution_id} {step.scope} {step.name} {step.key}")
        match step.name:
            case "onward.now":
                return self._now()
            case "onward.uuid":
                return str(UUID(int=chance.getrandbits(128), version=4))
            case "onward.random":
                return chance.random()
        return None
