"""Time cut into what is asked for, and that into what is kept: days, hours and minutes. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from onward.contract.errors import InvalidParameter
from onward_execution_state.analytics.tally import DAY, HOUR, MINUTE, floor

MOST_SPANS = 400
MINUTES_FOR = timedelta(days=7)
"""Minutes are kept a little longer: what begins earlier is cut at full hours."""
_STEP = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}


class Span(NamedTuple):
    """From `since` on, before `until`."""

    since: datetime
    until: datetime


class Piece(NamedTuple):
    """A part of span number `span` that is kept in sums of `grain` seconds."""

    span: int
    grain: int
    since: datetime
    until: datetime


def kept(since: datetime, now: datetime) -> int:
    """The grain in seconds of the finest sums that are kept of all since then."""
    return MINUTE if now - since <= MINUTES_FOR else HOUR


def whole(since: datetime, until: datetime, now: datetime) -> Span:
    """The span that is answered: widened to full minutes; to full hours, where minutes are no longer kept."""
    grain = kept(since, now)
    end = floor(until, grain)
    span = Span(floor(since, grain), end if end == until else end + timedelta(seconds=grain))
    if span.since >= span.until:
        raise InvalidParameter("until: it must lie after since")
    return span


def cut(span: Span, bucket: str, zone: ZoneInfo, grain: int = MINUTE) -> list[Span]:
    """The minutes, hours or days of a zone in a span: the first and the last may be short. Raises InvalidParameter.

    Where only full hours are kept, a day of a zone that is half an hour off begins with the full hour before.
    """
    marks: list[datetime] = []
    at = span.since
    while at < span.until:
        begins = max(span.since, floor(at, grain))
        if not marks or begins > marks[-1]:
            marks.append(begins)
        if len(marks) > MOST_SPANS:
            raise InvalidParameter(
                f"bucket: more than {MOST_SPANS} of a {bucket}", fix="take longer ones, or a shorter time"
            )
        at = _next(at, bucket, zone)
    return [Span(*pair) for pair in zip(marks, [*marks[1:], span.until], strict=True)]


def pieces(spans: list[Span]) -> Iterator[Piece]:
    """What to add up for each span: as much as possible in days, then hours, then minutes."""
    for number, span in enumerate(spans):
        yield from _pieces(number, span, (DAY, HOUR, MINUTE))


def _pieces(number: int, span: Span, grains: tuple[int, ...]) -> Iterator[Piece]:
    if span.since >= span.until:
        return
    grain, *finer = grains
    first = floor(span.since, grain)
    since = first if first == span.since else first + timedelta(seconds=grain)
    until = floor(span.until, grain)
    if since >= until:
        if finer:
            yield from _pieces(number, span, tuple(finer))
        return
    yield Piece(number, grain, since, until)
    if finer:
        yield from _pieces(number, Span(span.since, since), tuple(finer))
        yield from _pieces(number, Span(until, span.until), tuple(finer))


def _next(at: datetime, bucket: str, zone: ZoneInfo) -> datetime:
    if bucket != "day":
        # By the clock on the wall of a zone, an hour begins when its minutes are 0: zones differ by half hours, too.
        step, local = _STEP[bucket], at.astimezone(zone)
        into = timedelta(minutes=local.minute if bucket == "hour" else 0, seconds=local.second)
        return at - into + step
    tomorrow = at.astimezone(zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).astimezone(UTC)
