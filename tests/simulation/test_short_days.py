"""Ten thousand short days, a seed each: kills, pauses, lost and late replies, leases of a second; the promises hold."""

import time

import pytest

from tests.simulation.short_days import Endless, Figures, no_longer_than, on_all_cores


def bad(seeds: range) -> tuple[dict[int, str], Figures]:
    began = time.monotonic()
    figures = on_all_cores(seeds)
    print(f"{figures.days} days, {figures.days / (time.monotonic() - began):.0f} a second: {figures}")
    return figures.broken, figures


@pytest.mark.timeout(600)
def test_ten_thousand_days_break_no_promise():
    """A seed that does is run again by `python -m tests.simulation.short_days 1 SEED`."""
    broken, figures = bad(range(10_000))

    assert broken == {}
    assert figures.days == 10_000
    assert figures.landed > 5_000, "hardly any fault hit work under way"
    assert figures.refused > 20_000, "hardly any late write was refused"
    assert figures.repeated > 2_000, "hardly any step was lost in its middle"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_days_break_no_promise():
    assert bad(range(10_000, 110_000))[0] == {}


def test_a_day_that_goes_round_in_circles_is_found_out():
    def endless() -> None:
        while True:
            pass

    with no_longer_than(0.1), pytest.raises(Endless, match="circles"):
        endless()
