import asyncio
import contextlib

from onward.contract.errors import Misconfigured, Unavailable
from onward_execution_state.followers.queues import Queues


class Work:
    """Takes queues, after some refusals."""

    def __init__(self, *refusals):
        self.made, self.refusals, self.changed = [], list(refusals), asyncio.Condition()

    async def ensure(self, project, queue):
        if self.refusals and (error := self.refusals.pop(0)):
            raise error
        async with self.changed:
            self.made.append((project, queue))
            self.changed.notify_all()

    async def until(self, count):
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: len(self.made) >= count)


@contextlib.asynccontextmanager
async def running(queues):
    task = asyncio.create_task(queues.run())
    yield
    task.cancel()


async def test_the_default_queue_is_there_and_each_that_config_names():
    work = Work()
    queues = Queues(work.ensure)
    queues.hear("other", "queue", "gpu", b"{}", 1)
    queues.hear("other", "task", "shell", b"{}", 2)
    queues.hear("other", "queue", "old", None, 3)

    async with running(queues):
        await work.until(2)

    assert work.made == [("default", "default"), ("other", "gpu")]


async def test_a_queue_is_made_as_soon_as_that_is_possible_again():
    work = Work(Unavailable("away"), Unavailable("away"))

    async with running(Queues(work.ensure)):
        await work.until(1)


async def test_a_queue_that_differs_is_told_and_holds_up_no_other():
    work = Work(None, Misconfigured("other settings", fix="delete it"))
    queues = Queues(work.ensure)
    queues.hear("default", "queue", "odd", b"{}", 1)
    queues.hear("default", "queue", "fine", b"{}", 2)

    async with running(queues):
        await work.until(2)

    assert work.made[-1] == ("default", "fine")
