"""When the look for something to tell can be left out."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from onward_execution_state.alerting.loops import REST, Rest

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def looks(rest: Rest, seconds: range) -> list[int]:
    return [second for second in seconds if not rest.lasts(START + second * SECOND)]


def test_with_nothing_stored_a_look_is_taken_once_a_rest():
    rest, length = Rest(), int(REST / SECOND)
    assert looks(rest, range(length)) == list(range(length))

    later = looks(rest, range(length, 5 * length))

    assert len(later) == 4
    assert all(second - first == length for first, second in pairwise(later))


def test_what_is_stored_is_looked_at_at_once_and_for_a_while():
    rest, length = Rest(), int(REST / SECOND)
    looks(rest, range(3 * length))

    rest.stir()

    seen = looks(rest, range(3 * length, 5 * length))
    assert seen[:length] == list(range(3 * length, 4 * length))
    assert len(seen) == length + 1
