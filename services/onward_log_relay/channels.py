"""The channels of a whole project on the WebSocket: its events one by one, and its board, coalesced."""

import asyncio
from collections.abc import Awaitable, Callable

from onward.contract import ids
from onward.contract.errors import InvalidParameter, NotFound
from onward.contract.watching import Where, check_where, fits, wants
from onward_log_relay import messages as m
from onward_log_relay.board import Snapshot
from onward_log_relay.feed import Feed, Place, PositionGone
from onward_log_relay.folding import Happening
from onward_log_relay.relay import Relay

GATHER_SECONDS = 0.1
"""Changes of a board leave together, so that a card is sent ten times a second at most."""
MOST_BEHIND = 20_000
"""Events behind the newest from which on a fresh snapshot is cheaper."""
PART = 200
QUIET_SECONDS = 15.0

Say = Callable[[str], Awaitable[None]]


def check_channel(asked: m.Subscribe) -> None:
    """Raises NotFound, InvalidParameter for what fits the channel not."""
    whole = asked.channel in {"events", "board"}
    if not whole and (asked.execution_id is None or not ids.is_execution_id(asked.execution_id)):
        raise NotFound(f"{str(asked.execution_id)[:80]!r} is no execution id")
    if whole and asked.execution_id is not None:
        raise InvalidParameter(
            f"{asked.channel} is of the whole project", fix='filter by "where": {"execution_id": […]}'
        )
    if not whole and asked.where != Where():
        raise InvalidParameter("where is for the channels events and board")
    if whole and (asked.tail is not None or asked.level is not None or asked.grep is not None):
        raise InvalidParameter("tail, level and grep are for logs")
    if asked.channel == "board" and asked.where.type:
        raise InvalidParameter(
            "type is of events, and a board shows executions", fix="leave it out, or use status"
        )
    check_where(asked.where)


async def tell_events(relay: Relay, project: str, asked: m.Subscribe, say: Say) -> None:
    """Each wanted event, in order. Raises PositionGone, Unavailable."""
    async with relay.feed.watched() as feed:
        place = await Place.at(feed, project, asked.after)
        await say(m.said("subscribed", id=asked.name, after=place.position))
        told = place.position
        while True:
            found = await place.next(QUIET_SECONDS)
            wanted = [one.shown() for one in found or [] if wants(asked.where, one.event, one.after)]
            if wanted or (found is None and place.position > told):
                # A quiet stream still moves the position on, so that who comes again searches little.
                await say(m.happened(asked.name, wanted, place.position))
                relay.events_sent.add(len(wanted), via="socket")
                told = place.position


async def show_board(relay: Relay, project: str, asked: m.Subscribe, say: Say) -> None:
    """A snapshot, then what changes; a snapshot again where changes cannot be told without a gap."""
    board = _Board(relay, project, asked, say)
    async with relay.feed.watched() as feed:
        await say(m.said("subscribed", id=asked.name))
        place = await board.resumed(feed)
        while True:
            try:
                if place is None or feed.position - place.position > MOST_BEHIND:
                    place = await board.snapshot(feed)
                await board.changes(place)
            except PositionGone:
                place = None


class _Board:
    def __init__(self, relay: Relay, project: str, asked: m.Subscribe, say: Say) -> None:
        self._relay, self._project, self._asked, self._say = relay, project, asked, say
        self._known: dict[str, int] = {}
        self._known_until = 0

    async def resumed(self, feed: Feed) -> Place | None:
        """Where a client that has a board goes on; None where it needs a snapshot."""
        if self._asked.after is None:
            return None
        try:
            return await Place.at(feed, self._project, self._asked.after)
        except PositionGone:
            return None

    async def snapshot(self, feed: Feed) -> Place:
        """Send all cards, in parts; the place from which changes go on. Raises Unavailable."""
        a = self._asked
        found: Snapshot = await self._relay.board.take(self._project, a.where, a.open, a.ended)
        place = await Place.at(feed, self._project, found.position)
        self._known, self._known_until = found.versions, feed.position
        parts = [found.cards[at : at + PART] for at in range(0, len(found.cards), PART)] or [[]]
        for number, cards in enumerate(parts, 1):
            last = number == len(parts)
            text = m.board(
                "snapshot", a.name, cards, position=found.position, part=number, last=last,
                complete=found.complete,
            )  # fmt: skip
            await self._say(text)
        return place

    async def changes(self, place: Place) -> None:
        """Wait for the next changes, gather what comes with them, and send each card once."""
        found = await place.next()
        gathered: dict[str, tuple[Happening, Happening]] = {}
        end = asyncio.get_running_loop().time() + GATHER_SECONDS
        while found is not None:
            for one in found:
                first, _ = gathered.get(one.event.execution_id, (one, one))
                gathered[one.event.execution_id] = (first, one)
            found = await place.ready()
        items, gone = self._told(gathered)
        if place.position > self._known_until:
            self._known = {}
        if items or gone:
            await self._say(m.board("changes", self._asked.name, items, position=place.position, gone=gone))
            self._relay.events_sent.add(len(items), via="board")
        await asyncio.sleep(end - asyncio.get_running_loop().time())

    def _told(self, gathered: dict[str, tuple[Happening, Happening]]) -> tuple[list[bytes], list[str]]:
        items, gone = [], []
        for execution_id, (first, last) in gathered.items():
            card = last.card()
            if card is None or last.after is None or last.after.n <= self._known.get(execution_id, 0):
                continue
            if fits(self._asked.where, last.after):
                items.append(card)
            elif first.before is None or fits(self._asked.where, first.before):
                gone.append(execution_id)
        return items, gone
