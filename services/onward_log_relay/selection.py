"""Which lines a reader wants, and what is left of a chunk for it."""

import msgspec

from onward.contract import lines as li

WARNING = "warning"


class _Look(msgspec.Struct, frozen=True):
    """As much of a line as it takes to choose."""

    level: str
    text: str


_looks = msgspec.json.Decoder(list[_Look])


class Picked(msgspec.Struct, frozen=True):
    """Lines for a reader, as the JSON they are stored as; with them it has everything up to line `upto`."""

    upto: int
    count: int
    whole: msgspec.Raw | None = None
    """All lines of a chunk, as an array."""
    some: tuple[tuple[int, bytes], ...] = ()
    """Otherwise each with its number."""

    def array(self) -> bytes:
        """The lines as one JSON array."""
        if self.whole is not None:
            return bytes(self.whole)
        return b"[" + b",".join(line for _, line in self.some) + b"]"

    def each(self) -> tuple[tuple[int, bytes], ...]:
        """The lines one by one, with their numbers."""
        if self.whole is None:
            return self.some
        raws = msgspec.json.decode(self.whole, type=list[msgspec.Raw])
        first = self.upto - self.count + 1
        return tuple((first + i, bytes(raw)) for i, raw in enumerate(raws))

    def at_most(self, count: int) -> "Picked":
        """The first of them; then a reader of those has nothing behind the last one."""
        if count >= self.count:
            return self
        kept = self.each()[:count]
        return Picked(kept[-1][0], count, None, kept)


class Selection(msgspec.Struct, frozen=True):
    """Lines of at least this level whose text holds this literal; None is no condition."""

    level: str | None = None
    grep: str | None = None

    @property
    def levels(self) -> frozenset[str] | None:
        """The levels that qualify, where they matter."""
        return None if self.level in {None, li.LEVELS[0]} else li.at_least(self.level or "")

    def pick(self, head: li.Head, after: int) -> Picked:
        """What a reader that has everything up to line `after` wants of this chunk."""
        levels = self.levels
        if levels is not None and not li.count_of(head.levels, levels):
            return Picked(head.last, 0)
        of_level = levels is None or li.count_of(head.levels, levels) == head.count
        if of_level and self.grep is None:
            if head.first > after:
                return Picked(head.last, head.count, head.lines)
            fresh = enumerate(li.each_of(head)[after - head.first + 1 :], after + 1)
            return _some(head.last, tuple((number, bytes(line)) for number, line in fresh))
        return self._search(head, after, levels)

    def marker(self, head: li.Head, after: int) -> Picked | None:
        """The line that stands for those between `after` and this chunk, which are not stored any more."""
        levels = self.levels
        if self.grep is not None or (levels is not None and WARNING not in levels):
            return None
        first, last = after + 1, head.first - 1
        text = f"lines {first} to {last} are not kept any more"
        line = li.Line(last, li.lines_of(head)[0].time, WARNING, "system", head.attempt, None, text)
        return _some(last, ((last, li.encode_line(line)),))

    def _search(self, head: li.Head, after: int, levels: frozenset[str] | None) -> Picked:
        grep = self.grep or ""
        found = []
        looks = _looks.decode(head.lines)
        raws: list[msgspec.Raw] = []
        for place, look in enumerate(looks):
            if (levels is None or look.level in levels) and grep in look.text and head.first + place > after:
                raws = raws or li.each_of(head)
                found.append((head.first + place, bytes(raws[place])))
        return _some(head.last, tuple(found))


def _some(upto: int, lines: tuple[tuple[int, bytes], ...]) -> Picked:
    return Picked(upto, len(lines), None, lines)
