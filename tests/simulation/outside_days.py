"""Days that are about one promise to those outside: keys, ticks, answers, delays, lines. Each returns its report."""

import asyncio
from datetime import timedelta

import msgspec

from onward.contract import decide, inside, subjects
from onward.contract.errors import FenceLost, Unavailable
from onward.contract.ids import keyed_id
from onward.contract.log import Decision
from onward.contract.retry import Retry
from onward.contract.schedules import ScheduleSpec
from onward.process.metrics import Metrics
from onward.tasks import context
from onward.tasks.registry import Registry
from onward.testing.bus import EPOCH
from onward.testing.faults import CALM, ROUGH
from onward.testing.history import Line, Tick
from onward_execution_state.scheduling.scheduler import Scheduler
from onward_execution_state.scheduling.submitting import Gateways
from onward_log_relay.history import History
from onward_log_relay.reader import End, Reader
from onward_log_relay.selection import Selection
from tests.simulation.installation import PROJECT, Client, Installation, Setup
from tests.simulation.scenarios import tasks
from tests.support.ticks import MemoryTicks


class Gateway:
    """Stores a first event under an id that the asker names; a second time changes nothing."""

    def __init__(self, here: Installation, name: str) -> None:
        self.bus, self.book, self.process = here.bus, here.book, here.bus.process(name)

    async def store(self, asked: inside.SubmitAsked) -> str:
        event = decide.submit(
            execution_id=asked.execution_id, project=PROJECT, moment=self.process.moment(), queue="default",
            priority=5, run_at=None, task="steps", source=asked.source, origin=asked.origin,
            scheduled_at=asked.scheduled_at,
        )  # fmt: skip
        decision = Decision(project=PROJECT, execution_id=asked.execution_id, expected=0, events=(event,))
        try:
            await self.process.events.append(decision)
        except FenceLost:
            return asked.execution_id
        return asked.execution_id

    async def answer(self, _subject: str, data: bytes) -> bytes:
        asked = msgspec.json.decode(data, type=inside.SubmitAsked)
        try:
            done = inside.Done(execution_id=await self.store(asked))
        except Unavailable:
            return msgspec.json.encode(
                inside.Reply(problem=inside.Problem(code="unavailable", status=503, message=""))
            )
        return msgspec.json.encode(inside.Reply(done=done))


# Keys


async def keyed(random):
    """A caller who is not sure sends the same submission again, at once or minutes later."""
    here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
    here.impatient = False
    client = here.client

    async def caller(key: str) -> None:
        for _ in range(3):
            execution_id = keyed_id(PROJECT, key)
            event = decide.submit(
                execution_id=execution_id, project=PROJECT, moment=client.process.moment(), queue="default",
                priority=5, run_at=None, task="steps",
            )  # fmt: skip
            decision = Decision(project=PROJECT, execution_id=execution_id, expected=0, events=(event,))
            try:
                await client.process.events.append(decision)
            except FenceLost:
                pass
            except Unavailable:
                here.book.record(key, "info", "submit", execution_id=execution_id, key=key)
                continue
            here.book.record(key, "ok", "submit", execution_id=execution_id, key=key)
            client.ids.append(execution_id)
            await asyncio.sleep(random.choice([0.1, 30, 200]))

    await asyncio.gather(*(caller(f"key-{number}") for number in range(3)))
    await here.settled()
    return here.report()


# Ticks


async def scheduled(random):
    """Three schedulers that die, for two minutes of ticks every ten seconds."""
    here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
    stored, end = MemoryTicks(), asyncio.get_running_loop().time() + 120
    for name in ("gateway-1", "gateway-2"):
        gateway = Gateway(here, name)
        subject = subjects.ask(inside.SERVICE, inside.SUBMIT)
        await gateway.process.messages.subscribe(subject, gateway.answer, group="gateways")
    spec = ScheduleSpec(name="s", uid="u", every=10.0, since=EPOCH, submission={"task": "steps"})

    def begin(number: int):
        process = here.bus.process(f"scheduler-{number}")
        scheduler = Scheduler(stored, process.events, Gateways(process.messages), Metrics())
        scheduler.hear(PROJECT, "schedule", spec.name, msgspec.json.encode(spec), 1)

        async def look() -> None:
            while True:
                await scheduler.run_once(here.bus.now())
                await asyncio.sleep(0.5)

        process.run(look())
        return process

    running = [begin(number) for number in range(3)]
    while asyncio.get_running_loop().time() < end:
        await asyncio.sleep(random.uniform(1, 10))
        hit = random.randrange(3)
        running[hit].kill()
        running[hit] = begin(hit)
    await asyncio.sleep(30)
    here.book.history.ticks.extend(
        Tick(schedule=spec.name, at=EPOCH + timedelta(seconds=10.0 * tick)) for tick in range(1, 12)
    )
    here.client.ids.extend(here.logs)
    for process in running:
        process.kill()
    await here.settled()
    return here.report()


# Answers


async def answered(random):
    """Three people answer each question, as fast as they can."""
    here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
    people = [Client(here.bus, here.book, f"person-{number}") for number in range(3)]
    ids = [await here.client.submit("asks") for _ in range(2)]

    async def person(client: Client, execution_id: str) -> None:
        while not here.asks(execution_id):
            await asyncio.sleep(0.05)
        await asyncio.sleep(random.uniform(0, 0.05))
        await client.answer(execution_id, client.name)

    async with asyncio.timeout(600):
        await asyncio.gather(*(person(client, execution_id) for client in people for execution_id in ids))
    await here.settled(100)
    return here.report(at_rest=False)


# Delays


def patient_tasks(worker):
    registry = Registry()

    @registry.task(retry=Retry(attempts=3, first=60.0))
    async def fails() -> int:
        session = context.execution()
        worker.effect(session.execution_id, "/work", session.attempt, "begin")
        if session.attempt < 3:
            raise ValueError("not yet")
        return session.attempt

    return registry


async def patient(random):
    """What failed is tried again a minute later, whoever dies in between."""
    here = Installation(random, Setup(tasks=patient_tasks), faults=ROUGH)
    here.impatient = False
    return await here.day(["fails"] * 3, wear=40)


# Lines


def talking_tasks(worker):
    registry = Registry()

    @registry.task
    async def talks() -> None:
        session = context.execution()
        for burst in range(4):
            for number in range(5):
                session.log("info", f"{worker.name} {burst}.{number}")
            await asyncio.sleep(worker.process.random.random())

    return registry


async def read_along(random):
    """Readers who come and go, each from behind the last line that it has, until they have all."""
    here = Installation(random, Setup(tasks=talking_tasks), faults=CALM)
    here.impatient = False
    ids = [await here.client.submit("talks") for _ in range(2)]
    lines = here.bus.process("relay").lines

    async def reads(name: str, execution_id: str) -> None:
        reached = whole = ended = 0
        # Who is told of a last line and never gets it gives up some day; the checker says so.
        while not ended or (reached < whole and ended < 50):
            ended += here.ended(execution_id)
            history = History(lines, PROJECT, execution_id)
            newest = await history.newest()
            whole = newest.head.last if newest and newest.head else 0
            reader = Reader(history, Selection(), reached)
            left = random.randint(1, 7)
            while left and (picked := await reader.next()) is not None and not isinstance(picked, End):
                some = picked.at_most(left)
                left -= some.count
                for number, _ in some.each():
                    here.book.history.lines.append(
                        Line(
                            t_ns=here.book.tick(),
                            reader=name,
                            execution_id=execution_id,
                            number=number,
                            of=whole,
                        )
                    )
                reached = some.upto
            await asyncio.sleep(random.uniform(0, 1))

    async with asyncio.timeout(600):
        await asyncio.gather(*(reads(f"{name}", one) for name in ("anna", "bert") for one in ids))
    await here.settled()
    return here.report()
