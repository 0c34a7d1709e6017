"""Days on which everything happens: random programs, restless people, workers and keepers that die."""

import asyncio
import contextlib
from random import Random
from typing import Any

import msgspec

from onward.bus.family import FamilyKeeper, concerns_family
from onward.contract import commands
from onward.contract import events as ev
from onward.contract.carry import carry
from onward.contract.errors import BrokenLog, FenceLost, Unavailable
from onward.contract.execution import Execution
from onward.contract.log import Decision, Log, Stored
from onward.testing.faults import ROUGH, Faults
from onward_execution_state import fold
from onward_execution_state.rows import execution_columns, state_of
from tests.simulation.installation import Client, Installation, Setup, said
from tests.simulation.programs import TASKS, program, tasks

LAST = 900.0
"""Virtual seconds in which everything has to end once nothing breaks any more."""


class Everything(Installation):
    """An installation with a keeper that can die, and with people who do everything."""

    def __init__(self, random: Random, faults: Faults = ROUGH, **options: Any) -> None:
        super().__init__(random, Setup(tasks=tasks, slots=3), faults=faults, workers=3, **options)
        self.clients = [self.client, Client(self.bus, self.book, "other-gateway")]
        self.sent = 0
        self.process = self.bus.process("keeper-0")
        self.deadlines = self.process.run(self.process.keep_deadlines("default"))
        self.calm = False

    # What breaks

    def restart_keeper(self) -> None:
        """The family keeper is killed; the next one is handed again what was not done, and all that ended."""
        self.process.kill()
        self.book.fault("keeper", self.process.name, landed=True)
        self.process = self.bus.process(f"keeper-{self.random.random()}")
        self.deadlines = self.process.run(self.process.keep_deadlines("default"))
        keeper = self.process
        self.bus.families = FamilyKeeper(keeper.events, keeper.messages, keeper.moment, keeper.run)
        for log in self.logs.values():
            for item in log:
                if isinstance(item.event, ev.TERMINAL) and concerns_family(item.event):
                    self.bus.tell_families(item)

    async def break_things(self, seconds: float) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await self.wear(self.random.uniform(1, 15))
            if self.random.random() < 0.4:
                self.restart_keeper()

    # What people do

    def open(self) -> list[Execution]:
        """What has not ended for good."""
        return [state for i in list(self.logs) if (state := self.known(i)) is not None and not state.final]

    def known(self, execution_id: str) -> Execution | None:
        with contextlib.suppress(BrokenLog):
            return self.state(execution_id)
        return None

    async def everybody(self) -> None:
        while True:
            await asyncio.sleep(self.random.uniform(0.3, 3))
            states = self.open()
            for state in states:
                if self.random.random() < 0.6:
                    await self.serve(state)
            if self.calm:
                for state in states:
                    await self.settle(state)
            elif self.logs and self.random.random() < 0.7:
                some = (
                    [state.id for state in states]
                    if states and self.random.random() < 0.8
                    else list(self.logs)
                )
                await self.meddle(self.random.choice(some))

    async def serve(self, state: Execution) -> None:
        """Give what is waited for, sometimes twice."""
        for key, wait in state.waits.items():
            if wait.done or self.random.random() < 0.3:
                continue
            self.sent += 1
            given = self.random.choice(wait.choices) if wait.choices else f"given-{self.sent}"
            raw = msgspec.Raw(msgspec.json.encode(given))
            sender = self.random.choice(self.clients)
            if wait.kind == "question":
                await self.answer(sender, state.id, key, raw)
                if self.random.random() < 0.2:
                    await self.answer(self.random.choice(self.clients), state.id, key, raw)
            elif wait.kind == "event":
                for _ in range(self.random.choice([1, 1, 2])):
                    await self.send(self.random.choice(self.clients), state.id, wait.event or "", raw)

    async def answer(self, by: Client, execution_id: str, key: str, raw: msgspec.Raw) -> None:
        await by.change(execution_id, "answer", lambda s: commands.answer(s, by.process.moment(), raw, key))

    async def send(self, by: Client, execution_id: str, name: str, raw: msgspec.Raw) -> None:
        key = bytes(raw).decode()
        await by.change(
            execution_id,
            "send",
            lambda s: commands.receive(s, by.process.moment(), name=name, value=raw, key=key),
        )

    async def meddle(self, execution_id: str) -> None:
        """Something that nobody asked for."""
        by, state = self.random.choice(self.clients), self.known(execution_id)
        if state is None:
            return
        match self.random.randrange(13):
            case 12 if not state.ended:
                await self.carry_over(by, execution_id)
            case 0:
                await by.cancel(execution_id)
            case 1 | 2 | 3:
                await by.pause(execution_id)
            case 4 | 5 | 6:
                await by.resume(execution_id)
            case 7 | 8 if state.ended:
                await self.retry(by, state)
            case 9:
                limits = ev.TimeoutPolicy(execution=self.random.choice([None, 40.0, 400.0]))
                await by.change(
                    execution_id, "amend", lambda s: commands.amend(s, by.process.moment(), limits)
                )
            case 10:
                self.sent += 1
                raw = msgspec.Raw(msgspec.json.encode(f"given-{self.sent}"))
                await self.send(by, execution_id, self.random.choice(["paid", "sent"]), raw)
            case 11:
                await self.edit(by, state)

    async def retry(self, by: Client, state: Execution) -> None:
        kind = self.random.randrange(3)
        forget = self.random.randint(1, state.n) if kind == 1 else None
        await by.change(
            state.id, "retry",
            lambda s: commands.retry(s, by.process.moment(), fresh=kind == 2, forget_from=forget),
        )  # fmt: skip

    async def edit(self, by: Client, state: Execution) -> None:
        points = [
            p for p in self.log(state.id).checkpoints().values() if p.kind == "step" and p.name == "step"
        ]
        if not points:
            return
        point, raw = self.random.choice(points), msgspec.Raw(b'"edited"')
        await by.change(
            state.id, "edit",
            lambda s: commands.edit_step(
                s, by.process.moment(), scope=point.scope, name=point.name, key=point.key, result=raw
            ),
        )  # fmt: skip

    async def carry_over(self, by: Client, execution_id: str) -> None:
        """What retention does before it purges."""
        log = self.log(execution_id)
        made = carry(log.execution, [item.event for item in log.stored], by.process.moment())
        decision = Decision(project="default", execution_id=execution_id, expected=log.sequence, events=made)
        with contextlib.suppress(FenceLost, Unavailable):
            await by.process.events.append(decision)

    async def settle(self, state: Execution) -> None:
        """Nobody meddles any more: what is paused goes on, what is held is given up or tried again."""
        if state.paused:
            await self.client.resume(state.id)
        if state.ended:
            await (self.client.cancel if self.random.random() < 0.6 else self.client.retry)(state.id)

    # A day

    async def whole_day(self, programs: int, seconds: float) -> str | None:
        people = [asyncio.ensure_future(self.everybody()) for _ in range(2)]
        for _ in range(programs):
            await asyncio.sleep(self.random.uniform(0, seconds / programs / 2))
            ops = program(self.random)
            spec = tasks().tasks[self.random.choice(TASKS)].spec
            await self.client.submit(
                spec.name, input=msgspec.Raw(msgspec.json.encode({"ops": ops})), retry=spec.retry,
                timeouts=spec.timeouts, on_exhausted=spec.on_exhausted,
            )  # fmt: skip
        await self.break_things(seconds)
        self.calm = True
        left = await self.ended_all()
        for one in people:
            one.cancel()
        await asyncio.wait(people)
        return said(self.report(at_rest=not left)) or left or self.projected()

    async def ended_all(self) -> str | None:
        loop = asyncio.get_running_loop()
        end = loop.time() + LAST
        quiet = 0
        while loop.time() < end:
            await asyncio.sleep(1.0)
            quiet = 0 if self.open() else quiet + 1
            if quiet > 60:
                return None
        left = self.open()
        return "; ".join(f"{s.id[-6:]} {s.task} {s.status} {s.reason} for ever" for s in left[:3]) or None

    def projected(self) -> str | None:
        """Whether the tables fold to what the logs fold to, over JSON, and from a carried state."""
        known: dict[str, fold.Known | None] = dict.fromkeys(self.logs)
        raws = sorted(self.archive, key=lambda raw: raw.sequence)
        while raws:
            some = self.random.randint(1, 40)
            arrived, bad = fold.read(raws[:some])
            folded = fold.fold(arrived, known)
            if bad or folded.bad or folded.gaps:
                return f"not projected: {bad or folded.bad or folded.gaps}"
            rows = list(folded.changed.values())
            for row, kept in zip(rows, execution_columns(rows)[-1], strict=True) if rows else ():
                known[row.state.id] = msgspec.structs.replace(row, state=state_of(kept))
            raws = raws[some:]
        for execution_id, row in known.items():
            state = self.state(execution_id)
            if row is None or msgspec.json.encode(row.state) != msgspec.json.encode(state):
                return f"{execution_id} was projected as {differences(row.state if row else None, state)}"
            if wrong := self.carried(self.log(execution_id)):
                return wrong
        return None

    def carried(self, log: Log) -> str | None:
        """A log that is read from a carried state on is the same."""
        starts = [i for i, item in enumerate(log.stored) if isinstance(item.event, ev.Carried)]
        for start in starts:
            rest = Log.of(Stored(s.sequence, ev.decode(ev.encode(s.event))) for s in log.stored[start:])
            if msgspec.json.encode(rest.execution) != msgspec.json.encode(log.execution):
                return f"{log.execution.id} carried at {start}: {differences(rest.execution, log.execution)}"
            if set(rest.checkpoints()) != set(log.checkpoints()):
                return (
                    f"carried at {start}: {set(log.checkpoints()) ^ set(rest.checkpoints())} is saved in one"
                )
            for group in log.execution.groups:
                if rest.children(group) != log.children(group):
                    return f"carried at {start}: other ends of {group}"
        return None


def differences(one: Execution | None, other: Execution) -> str:
    """Where two states are not the same."""
    fields = [f for f in other.__struct_fields__ if getattr(one, f, None) != getattr(other, f)]
    return (
        ", ".join(f"{f}: {getattr(one, f, None)} and not {getattr(other, f)}" for f in fields)
        or "other bytes"
    )
