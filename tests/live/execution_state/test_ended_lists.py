"""A figure and the list behind it: the same executions, whatever became of them since."""

import random
from datetime import datetime, timedelta

import pytest

from onward_execution_state import listing
from tests.live.execution_state import test_counting
from tests.live.execution_state.test_counting import ends_of, spread
from tests.unit.onward_execution_state.histories import START, Walk

counted = test_counting.counted
HOUR = {"since": START + timedelta(hours=10, minutes=3), "until": START + timedelta(hours=11, minutes=42)}
DAY = {"since": START, "until": START + timedelta(hours=26)}


async def listed(ask, period, **asked):
    """All pages of the list of what ended in a period, as the page of analytics links to it."""
    found, cursor = [], None
    while True:
        time = {"ended_since": period["since"], "ended_until": period["until"]}
        page = await ask("list", **asked, **time, until=None, limit=30, cursor=cursor)
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def counted_in(ends, period, outcome=None):
    since, until = (
        at if isinstance(at, datetime) else datetime.fromisoformat(at) for at in (period["since"], period["until"])
    )  # fmt: skip
    return [end for end in ends if since <= end.at < until and outcome in {None, end.outcome}]


@pytest.fixture(params=["looked up", "looked for among all"])
def either_way(request, monkeypatch):
    """Few are looked up by their ids, many are not."""
    if request.param == "looked for among all":
        monkeypatch.setattr(listing, "_FEW_ENDED", 0)


@pytest.mark.parametrize("period", [HOUR, DAY], ids=["an hour", "all of it"])
@pytest.mark.parametrize(
    "narrowed",
    [{}, {"task": "shell"}, {"queue": "gpu", "environment": "prod"}, {"agent_id": "writer"}],
    ids=str,
)
@pytest.mark.usefixtures("either_way")
async def test_every_figure_of_a_time_is_the_list_of_what_ended_in_it(counted, period, narrowed):
    made = spread(5, 160)
    ask = await counted(made)
    figures = (await ask("analytics_summary", **period, **narrowed))["figures"]
    kinds = {walk.state.id: walk.state for walk in made}
    ends = [
        end for end in counted_in(ends_of(made), period)
        if all(getattr(kinds[end.execution_id], name) == value for name, value in narrowed.items())
    ]  # fmt: skip

    for outcome in (None, "completed", "failed", "cancelled"):
        found = await listed(ask, period, ended_as=outcome, **narrowed)
        meant = [end.execution_id for end in ends if outcome in {None, end.outcome}]
        assert sorted(found) == sorted(set(meant))
        assert figures[outcome or "ended"] == len(meant)
    # Once for each way it ended: who failed and was retried is in both lists.
    assert figures["failed"] == len(await listed(ask, period, ended_as="failed", **narrowed))


@pytest.mark.usefixtures("either_way")
async def test_every_bar_of_a_trend_is_a_list(counted):
    ask = await counted(spread(6, 90))
    trend = await ask("analytics_trend", **DAY, bucket="hour")

    for outcome in ("completed", "failed", "cancelled"):
        for part in trend["items"]:
            assert len(await listed(ask, part, ended_as=outcome)) == part["figures"][outcome]


@pytest.mark.usefixtures("either_way")
async def test_what_was_made_long_before_it_ended_is_listed_too(counted):
    made = [Walk(random.Random(number), at=START + timedelta(minutes=number)).submit() for number in range(4)]
    for walk in made:
        walk.at = START + timedelta(days=40)
        walk.claim().complete()
    ask = await counted(made)
    period = {"since": START + timedelta(days=40), "until": START + timedelta(days=41)}

    assert await listed(ask, period) == [walk.state.id for walk in reversed(made)]


async def test_what_failed_then_and_completed_since_is_still_listed_as_failed_then(counted):
    made = spread(7, 80)
    ask = await counted(made)
    mended = {
        end.execution_id for end in ends_of(made) if end.outcome == "failed"
    } & {walk.state.id for walk in made if walk.state.status == "completed"}  # fmt: skip
    assert mended

    assert mended <= set(await listed(ask, DAY, ended_as="failed"))
    assert set(await listed(ask, DAY, ended_as="failed", status=["completed"])) == mended
