"""Random programs of all that a task may do, restless people, and everything that can break; the promises hold."""

import pytest

from onward.testing.faults import ROUGH
from tests.simulation.everything import Everything
from tests.simulation.installation import broken

FEW, MANY = range(20), range(20, 1000)


async def day(random) -> str | None:
    return await Everything(random, ROUGH).whole_day(programs=3, seconds=40)


@pytest.mark.timeout(120)
def test_a_day_of_everything_breaks_no_promise():
    assert broken(day, FEW) == {}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_days_of_everything_break_no_promise():
    assert broken(day, MANY) == {}
