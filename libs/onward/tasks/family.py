"""Children, as an author sees them: run one and wait, start one, or map a task over many items."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from contextvars import ContextVar
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec

from onward.contract.events import ChildEnd
from onward.contract.values import referred
from onward.tasks import codec, context
from onward.tasks.children import Children, Maker, Order
from onward.tasks.outcome import ChildFailed

T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)

Join = Literal["all", "any"] | int

maker: ContextVar[Maker | None] = ContextVar("onward_maker", default=None)
"""Who creates executions for code that runs outside of one."""

SMALL = 100
"""Up to so many items a sleeping parent wakes for each result that it streams; above, for half a window of them."""
_READS_AT_ONCE = 16


class Ended(NamedTuple, Generic[R_co]):
    """One item whose child has ended."""

    place: int
    item: Any
    result: R_co


class Handle(Generic[T]):
    """A child that was started."""

    def __init__(self, children: Children, returns: Any) -> None:
        self._children, self._returns = children, returns
        self.id = children.id_of(0)
        """Its execution id."""

    async def result(self) -> T:
        """What it returned; waits for that. Raises ChildFailed."""
        await _until_ended(self._children)
        found = await _result(self._children, 0, self._returns)
        if isinstance(found, ChildFailed):
            raise found
        value: T = found
        return value

    async def cancel(self) -> None:
        """Stop it, unless it has ended."""
        await self._children.stop((0,))


class Spread(Generic[R_co]):
    """A task mapped over items: awaited, the list of results in the items' order; iterated, each as it ends."""

    def __init__(
        self, children: Children, items: Iterable[Any], encode: Callable[[Any], msgspec.Raw], returns: Any, *,
        window: int, tolerate: float, join: Join, detached: bool,
    ) -> None:  # fmt: skip
        if window < 1 or tolerate < 0 or (isinstance(join, int) and join < 1):
            raise ValueError("a window and a join are 1 or more, tolerate is 0 or more")
        self._children, self._items, self._encode = children, list(items), encode
        self._returns, self._window = returns, window
        count = len(self._items)
        wanted = join if isinstance(join, int) else {"all": count, "any": 1}[join]
        self._goal = min(count, wanted)
        tolerated = int(tolerate * count if tolerate < 1 else tolerate)
        self._tolerates = tolerated if join == "all" else count - self._goal
        self._all, self._detached = join == "all", detached

    def __await__(self) -> Generator[Any, None, list[R_co]]:
        return self._list().__await__()

    async def __aiter__(self) -> AsyncIterator[Ended[R_co]]:
        wake = 1 if len(self._items) <= SMALL else self._window // 2
        async for index in self._ends(want=1, wake=wake):
            found = await _result(self._children, index, self._returns)
            yield Ended(index, self._items[index], found)

    async def _list(self) -> list[R_co]:
        async for _ in self._ends(want=len(self._items), wake=len(self._items)):
            pass
        few, ended = asyncio.Semaphore(_READS_AT_ONCE), self._children.ended

        async def result(index: int) -> R_co:
            async with few:
                found: R_co = await _result(self._children, index, self._returns)
                return found

        known = [index for index in range(len(self._items)) if index in ended]
        if not self._all:
            known = [index for index in known if ended[index].outcome == "completed"]
        return await asyncio.gather(*(result(index) for index in known))

    async def _ends(self, *, want: int, wake: int) -> AsyncIterator[int]:
        """The places of those that end, as they do; `want`, `wake`: after how many more it is worth going on."""
        count, children = len(self._items), self._children
        seen = completed = 0
        while completed < self._goal and seen < count:
            for index in list(children.ended)[seen:]:
                seen += 1
                completed += children.ended[index].outcome == "completed"
                if seen - completed > self._tolerates:
                    await self._stop_the_rest()
                    raise self._too_many(index)
                yield index
                if not self._all and completed >= self._goal:
                    break
            else:
                if seen < count:
                    await self._fill(seen)
                    most = max(1, self._next_look(seen, completed) - seen)
                    await children.news(
                        want=seen + min(want, most), wake=seen + min(wake, most), tolerates=self._tolerates
                    )
        if seen < count:
            await self._stop_the_rest()

    async def _fill(self, seen: int) -> None:
        first, count = self._children.spawned, len(self._items)
        if first < count and first - seen <= self._window // 2:
            upto = min(count, seen + self._window)
            await self._children.spawn([self._encode(item) for item in self._items[first:upto]])

    def _next_look(self, seen: int, completed: int) -> int:
        """How many ends there have to be before there is something to do."""
        if self._children.spawned < len(self._items):
            return self._children.spawned - self._window // 2
        return len(self._items) if self._all else seen + self._goal - completed

    async def _stop_the_rest(self) -> None:
        if self._detached:
            return
        open_ = [i for i in range(self._children.spawned) if i not in self._children.ended]
        await self._children.stop(open_)

    def _too_many(self, index: int) -> ChildFailed:
        error = _failed(self._children.id_of(index), self._children.ended[index])
        if self._tolerates:
            error.add_note(f"more than {self._tolerates} of {len(self._items)} children failed")
        return error


def children_of(order: Order, key: str | None) -> Children:
    """The children of a call that is made now. Raises RuntimeError where nobody could create them."""
    session = context.current.get()
    if session is not None:
        return session.children(order, key)
    bound = maker.get()
    if bound is None:
        raise RuntimeError(
            f"task {order.task} cannot be run from here: no execution is running, and no client is bound; "
            "call the task to just run its function, or bind a client first: `with client.bind():`"
        )
    return bound.children(order, key)


async def run(children: Children, given: msgspec.Raw, returns: Any) -> Any:
    """Create the one child of this call, unless that was done before, and wait for its result."""
    return await (await start(children, given, returns)).result()


async def start(children: Children, given: msgspec.Raw, returns: Any) -> Handle[Any]:
    """Create the one child of this call, unless that was done before."""
    if children.spawned == 0:
        await children.spawn([given])
    return Handle(children, returns)


async def _until_ended(children: Children) -> None:
    while 0 not in children.ended:
        # It is alone, but where calls came in another order before: then others that have ended are no news of it.
        one_more = len(children.ended) + 1
        await children.news(want=one_more, wake=one_more, tolerates=one_more)


async def _result(children: Children, index: int, returns: Any) -> Any:
    end = children.ended[index]
    if end.outcome != "completed":
        return _failed(children.id_of(index), end)
    inline = end.output is not None and referred(end.output) is None
    return codec.decode(end.output if inline and end.output else await children.output(index), returns)


def _failed(child_id: str, end: ChildEnd) -> ChildFailed:
    error = end.error
    return ChildFailed(child_id, end.outcome, error.type if error else "", error.message if error else "")
