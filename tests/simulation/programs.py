"""Random programs of everything that a task may do, and the task that runs one of them."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from random import Random
from typing import Any

from onward.contract.events import Timeouts
from onward.contract.retry import Retry
from onward.tasks import asking, context
from onward.tasks.outcome import ChildFailed, Fatal, InDoubt, NotDone
from onward.tasks.registry import Registry
from onward.worker.places import scope_here
from tests.simulation.installation import Worker, working

Op = list[Any]
"""A kind of doing, and what it needs."""
PLAIN = (
    "step",
    "step",
    "undoable",
    "undoable",
    "once",
    "once-asked",
    "flaky",
    "sleep",
    "nap",
    "ask",
    "event",
    "state",
    "progress",
)
AROUND = ("gather", "group", "within", "nested", "patient", "defaulted")
FAMILY = ("run", "map", "start", "some")
TASKS = ("run_program", "run_program", "held_program", "asking_program", "limited_program")
BAD = ("raise", "fatal")


def program(random: Random, depth: int = 0, children: int = 2) -> list[Op]:
    """Some operations, one after the other; `children`: how many generations may follow."""
    least, most = ((3, 7), (2, 4), (1, 2))[depth]
    return [_op(random, depth, children) for _ in range(random.randint(least, most))]


def _op(random: Random, depth: int, children: int) -> Op:
    kinds = [*PLAIN, *BAD]
    if depth < 2:
        kinds += AROUND
    if children:
        kinds += FAMILY
    match random.choice(kinds):
        case "gather" | "group" | "within" | "nested" | "patient" as kind:
            return [kind, program(random, depth + 1, children)]
        case "run" | "start" as kind:
            policy, task = random.choice(["cancel", "cancel", "detach"]), random.choice(TASKS)
            return [kind, program(random, 1, children - 1), policy, task]
        case "map" | "some" as kind:
            items = [program(random, 2, 0) for _ in range(random.randint(1, 5))]
            return [kind, items, random.randint(1, 4), random.choice([0, 1, 5])]
        case "sleep":
            return ["sleep", random.uniform(2.5, 30)]
        case "raise" | "fatal" as kind:
            return [kind, random.randint(1, 4)]
        case "event" | "defaulted" as kind:
            return [kind, random.choice(["paid", "sent"]), random.uniform(5, 40)]
        case kind:
            return [kind]


def tasks(_: Worker | None = None) -> Registry:
    """`run_program` runs what it is given; every step writes into the ledger when it begins and ends."""
    return _made()


@cache
def _made() -> Registry:
    registry = Registry()

    async def work(what: str) -> str:
        session = context.execution()
        step = scope_here.get()
        working().effect(session.execution_id, step, session.attempt, "begin")
        await asyncio.sleep(working().process.random.random() * 6)
        working().effect(session.execution_id, step, session.attempt, "end")
        return what

    @registry.step(name="take-back", retry=Retry(attempts=4, first=0.2))
    async def take_back(what: str) -> None:
        await work(what)
        if working().process.random.random() < 0.2:
            raise ValueError("not yet")

    @registry.step(name="undoable", undo=take_back)
    async def undoable(what: str) -> str:
        return await work(what)

    async def known(what: str) -> str:
        if working().process.random.random() < 0.5:
            raise NotDone
        return what

    @registry.step(name="once", once=True, verify=known)
    async def once(what: str) -> str:
        await work(what)
        if working().process.random.random() < 0.2:
            raise InDoubt
        return what

    @registry.step(name="once-asked", once=True)
    async def once_asked(what: str) -> Any:
        return await work(what)

    @registry.step(name="flaky", retry=Retry(attempts=5, first=0.3))
    async def flaky(what: str) -> str:
        await work(what)
        if working().process.random.random() < 0.5:
            raise ValueError("not yet")
        return what

    async def within(ops: list[Op]) -> Any:
        await work("outside")
        return await in_order(ops)

    async def in_order(ops: list[Op]) -> list[Any]:
        return [await one(op) for op in ops]

    async def grouped(ops: list[Op]) -> list[Any]:
        async with asyncio.TaskGroup() as group:
            made = [group.create_task(one(op)) for op in ops]
        return [task.result() for task in made]

    async def patiently(do: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await do()
        except (ChildFailed, TimeoutError, ValueError) as error:
            return type(error).__name__

    def got(value: Any) -> Any:
        session = context.execution()
        if isinstance(value, str) and value.startswith("given-"):
            working().effect(session.execution_id, value, session.attempt, "got")
        return value

    async def one(op: Op) -> Any:
        match op:
            case ["step"]:
                return await context.step("step", work, "done")
            case ["undoable"]:
                return await undoable("done")
            case ["once"]:
                return await once("done")
            case ["once-asked"]:
                return await once_asked("done")
            case ["flaky"]:
                return await flaky("done")
            case ["nap"]:
                return await context.sleep(1.0)
            case ["sleep", seconds]:
                return await context.sleep(seconds)
            case ["ask"]:
                return got(await asking.ask("Go on?"))
            case ["event", name, _]:
                return got(await asking.wait_event(name, str))
            case ["defaulted", name, seconds]:
                wait = asking.wait_event(name, str, timeout=seconds, default="default")
                return [
                    got(answer)
                    for answer in await asyncio.gather(wait, asking.ask("And?", wait=seconds, default="no"))
                ]
            case ["state"]:
                return await context.checkpoint("state", (context.load_checkpoint("state") or 0) + 1)
            case ["progress"]:
                return await context.progress(0.5, "half")
            case ["gather", ops]:
                return await asyncio.gather(*(one(each) for each in ops))
            case ["group", ops]:
                return await grouped(ops)
            case ["within", ops]:
                return await context.step("within", within, ops)
            case ["nested", ops]:
                return await in_order(ops)
            case ["patient", ops]:
                return await patiently(lambda: in_order(ops))
            case ["fatal", until]:
                if until == 1 and context.execution().hold.state.lives < 3:
                    raise Fatal("no use")
                return None
            case ["raise", until]:
                if context.execution().attempt <= until:
                    raise ValueError("not yet")
                return None
            case _:
                return await family(op)

    async def family(op: Op) -> Any:
        match op:
            case ["run", ops, policy, task]:
                return await registry.tasks[task].with_options(policy=policy).run(ops)
            case ["start", ops, policy, task]:
                child = await registry.tasks[task].with_options(policy=policy).start(ops)
                await context.step("beside", work, "beside")
                return await child.result()
            case ["map", items, window, tolerate]:
                found = await run_program.map(items, window=window, tolerate=tolerate)
                return [str(type(each).__name__) for each in found]
            case ["some", items, window, _]:
                return len(await run_program.map(items, window=window, join="any"))
        raise AssertionError(op)

    @registry.task(retry=Retry(attempts=4, first=0.5), timeouts=Timeouts())
    async def run_program(ops: list[Any]) -> list[Any]:
        return await in_order(ops)

    @registry.task(name="held_program", retry=Retry(attempts=2, first=0.5), on_exhausted="hold")
    async def held_program(ops: list[Any]) -> list[Any]:
        return await in_order(ops)

    @registry.task(name="asking_program", retry=Retry(attempts=2, first=0.5), on_exhausted="ask")
    async def asking_program(ops: list[Any]) -> list[Any]:
        return await in_order(ops)

    @registry.task(
        name="limited_program",
        retry=Retry(attempts=3, first=0.5),
        timeouts=Timeouts(execution=60.0, attempt=30.0),
    )
    async def limited_program(ops: list[Any]) -> list[Any]:
        return await in_order(ops)

    return registry
