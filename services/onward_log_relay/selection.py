"""Which lines a reader wants, and what is left of a chunk for it."""

import msgspec

from onward.contract import lines as li

WARNING = "warning"


class _Look(msgspec.Struct, frozen=True):
    """As much of a line as it takes to choose."""

    level: str
    text: str


_looks = msgspec.json.Decoder(list[_Look])
_quoted = msgspec.json.Encoder().encode


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
    any_case: bool = False
    """Whether upper and lower case are the same to it."""

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
        return self._search(head, after)

    def marker(self, head: li.Head, after: int) -> Picked | None:
        """The line that stands for those between `after` and this chunk, which are not stored any more."""
        levels = self.levels
        if self.grep is not None or (levels is not None and WARNING not in levels):
            return None
        first, last = after + 1, head.first - 1
        text = f"lines {first} to {last} are not kept any more"
        line = li.Line(last, li.lines_of(head)[0].time, WARNING, "system", head.attempt, None, text)
        return _some(last, ((last, li.encode_line(line)),))

    def numbers(self, head: li.Head, after: int) -> list[int]:
        """The numbers of the wanted lines above `after`."""
        levels = self.levels
        if levels is not None and not li.count_of(head.levels, levels):
            return []
        if not self._may_hold(head):
            return []
        grep = self.grep or ""
        folded = grep.lower() if self.any_case else grep
        return [
            number
            for number, look in enumerate(_looks.decode(head.lines), head.first)
            if number > after
            and (levels is None or look.level in levels)
            and folded in (look.text.lower() if self.any_case else look.text)
        ]

    def _may_hold(self, head: li.Head) -> bool:
        """False is certain; it looks at the chunk as it is stored, which costs a fraction of taking it apart."""
        stored, sought = bytes(head.lines), _quoted(self.grep or "")[1:-1]
        if not sought.isascii():
            return True
        if not self.any_case:
            return sought in stored
        # A letter beyond ASCII may be one of ASCII in lower case.
        return not stored.isascii() or sought.lower() in stored.lower()

    def _search(self, head: li.Head, after: int) -> Picked:
        numbers = self.numbers(head, after)
        raws = li.each_of(head) if numbers else []
        return _some(head.last, tuple((number, bytes(raws[number - head.first])) for number in numbers))


def _some(upto: int, lines: tuple[tuple[int, bytes], ...]) -> Picked:
    return Picked(upto, len(lines), None, lines)
