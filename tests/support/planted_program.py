"""`python -m tests.support.planted_program no_fence onward_worker`: a service with one fault built in.

The checker has to find it from outside. A worker writes beside its ledger when it was told that a step is saved.
"""

import asyncio
import contextlib
import json
import os
import random
import runpy
import sys
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from onward.bus import prove, units
from onward.bus.append import Events
from onward.contract import commands, ids
from onward.contract import events as ev
from onward.contract.errors import FenceLost
from onward.contract.log import Decision
from onward.worker import attempt
from onward.worker.engine import Engine
from onward.worker.hold import Hold
from onward.worker.steps import Steps


def witnessed() -> None:
    """No fault: each step of which the worker believes that it is saved is written down."""
    plain = Hold.append

    async def append(self: Hold, *given: Any, **more: Any) -> Any:
        log = await plain(self, *given, **more)
        said = log.stored[-1].event
        if isinstance(said, ev.CheckpointReached) and said.kind == "step":
            line = {
                "t": time.time(), "pid": os.getpid(), "execution_id": said.execution_id, "attempt": said.attempt,
                "step": f"{said.scope}/{said.name}{said.key}",
            }  # fmt: skip
            with Path(os.environ["JOURNEY_LEDGER"] + ".saved").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        return log

    Hold.append = append  # type: ignore[method-assign]


def no_fence() -> None:
    """Whatever was stored since, it is appended. What services prove at their start is asked as ever, of the server."""
    assert prove.fence_head is units.fence_head
    units.fence_head = lambda fence, expected: b"NATS/1.0\r\n"


def ack_before_the_checkpoint() -> None:
    """A checkpoint is called saved while it is in memory; it is stored with whatever comes next."""
    plain, pending = Events.append, dict[str, Decision]()

    async def append(self: Events, decision: Decision) -> int:
        before = pending.pop(decision.execution_id, None)
        if before is not None:
            events = (*before.events, *decision.events)
            decision = msgspec.structs.replace(decision, expected=before.expected, events=events)
        if isinstance(decision.events[-1], ev.CheckpointReached):
            pending[decision.execution_id] = decision
            return decision.expected + len(decision.events)
        return await plain(self, decision)

    Events.append = append  # type: ignore[method-assign]


def checkpoint_before_the_end() -> None:
    """The result is known beforehand, so nobody waits for the end of the step."""
    plain, running = Steps._try, set[asyncio.Future[Any]]()

    async def begun(self: Steps, *given: Any) -> Any:
        running.add(asyncio.ensure_future(plain(self, *given)))
        await asyncio.sleep(0)
        return 0

    Steps._try = begun  # type: ignore[method-assign]


def key_of_a_window() -> None:
    """What a key stands for is remembered for two seconds, as a broker does for two minutes."""
    plain, known = ids.keyed_id, dict[tuple[str, str], tuple[float, str]]()

    def keyed_id(project: str, key: str) -> str:
        now = time.monotonic()
        at, execution_id = known.get((project, key), (float("-inf"), ""))
        if now - at >= 2:
            execution_id = plain(project, f"{key}/{uuid.uuid4()}")
        known[project, key] = now, execution_id
        return execution_id

    ids.keyed_id = keyed_id


class HearsOnce:
    """Reads a log when it begins and never again; what it decides is stored behind whatever came since."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def read_on(self, log: Any, **_: Any) -> Any:
        return log

    async def append(self, decision: Decision) -> int:
        while True:
            try:
                return int(await self._inner.append(decision))
            except FenceLost as lost:
                decision = msgspec.structs.replace(decision, expected=lost.floor)


def cancel_read_once() -> None:
    """A worker looks for a cancel when it begins, and never again."""
    plain = Hold.__init__

    def made(self: Hold, events: Any, *given: Any, **more: Any) -> None:
        plain(self, HearsOnce(events), *given, **more)

    Hold.__init__ = made  # type: ignore[method-assign]


def answer_without_comparison() -> None:
    """Whether the question is still open is not looked at."""
    plain = commands.answer

    def answer(state: Any, *given: Any) -> Any:
        waits = {key: msgspec.structs.replace(wait, done=False) for key, wait in state.waits.items()}
        return plain(msgspec.structs.replace(state, waits=waits), *given)

    commands.answer = answer


def delay_in_memory() -> None:
    """A worker to which a hint is delivered again knows of no due time; and hints are delivered again."""
    plain, settle = attempt.meet, Engine._settle

    def meet(state: Any, hint: Any, *given: Any) -> Any:
        if state.due is not None and not state.held:
            hint = msgspec.structs.replace(hint, fired=state.asked_due)
        return plain(state, hint, *given)

    async def again(self: Engine, hint: Any, verdict: Any) -> None:
        if isinstance(verdict, attempt.Ack) and random.random() < 0.5:
            verdict = attempt.Again("planted")
        await settle(self, hint, verdict)

    attempt.meet, Engine._settle = meet, again  # type: ignore[method-assign]


def accepted_before_it_is_stored() -> None:
    """202 first; the append follows when there is time."""
    plain, later = Events.append, set[asyncio.Future[Any]]()

    async def stored(events: Events, decision: Decision) -> None:
        await asyncio.sleep(0.5)
        with contextlib.suppress(Exception):
            await plain(events, decision)

    async def append(self: Events, decision: Decision) -> int:
        if isinstance(decision.events[0], ev.Submitted):
            later.add(asyncio.ensure_future(stored(self, decision)))
            return 1
        return await plain(self, decision)

    Events.append = append  # type: ignore[method-assign]


def relay_resumes_by_time() -> None:
    """A reader who comes back goes on behind all lines of the tenth of a second of the last one it has."""
    from onward.contract.lines import lines_of
    from onward_log_relay.reader import Reader

    async def behind_its_time(self: Reader) -> None:
        heads = [piece.head for piece in await self._history.after(0, most=10_000, enough=2**31)]
        stored = [line for head in heads if head is not None for line in lines_of(head)]
        seen = [_tenth(line.time) for line in stored if line.line == self.line]
        self.line = max(
            (line.line for line in stored if seen and _tenth(line.time) <= seen[0]), default=self.line
        )
        self._placed = True

    Reader._place = behind_its_time  # type: ignore[method-assign]


def _tenth(time_of_line: datetime) -> float:
    return time_of_line.timestamp() // 0.1


FAULTS: dict[str, tuple[Callable[[], None], str]] = {
    "no_fence": (no_fence, "onward_worker onward_gateway"),
    "ack_before_the_checkpoint": (ack_before_the_checkpoint, "onward_worker"),
    "checkpoint_before_the_end": (checkpoint_before_the_end, "onward_worker"),
    "key_of_a_window": (key_of_a_window, "onward_gateway"),
    "cancel_read_once": (cancel_read_once, "onward_worker"),
    "answer_without_comparison": (answer_without_comparison, "onward_gateway"),
    "delay_in_memory": (delay_in_memory, "onward_worker"),
    "relay_resumes_by_time": (relay_resumes_by_time, "onward_log_relay"),
    "accepted_before_it_is_stored": (accepted_before_it_is_stored, "onward_gateway"),
}
"""What is built in, and into which services."""


def main(fault: str, module: str) -> None:
    """Run the service as `python -m` would."""
    witnessed()
    if fault in FAULTS and module in FAULTS[fault][1].split():
        FAULTS[fault][0]()
    sys.argv[1:3] = []
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
