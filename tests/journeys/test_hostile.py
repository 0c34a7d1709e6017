"""The settings that nobody would choose: the promises are the same, only everything happens more often."""

from collections import Counter
from pathlib import Path

from tests.support.hostile import SETTINGS, nagging
from tests.support.platform import platform

MANY = 30


async def test_hints_given_back_after_every_event_run_no_step_twice(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=2, **SETTINGS) as onward, nagging(onward.servers) as nagger:
        made = [await onward.submit("five", {"seconds": 0.05}) for _ in range(MANY)]

        ends = [await onward.ended(one) for one in made]

        assert [end["output"] for end in ends] == [[1, 2, 3, 4, 5]] * MANY
        assert nagger.given_back > 5 * MANY, "it was not hostile"
        begun = Counter(
            (line["execution_id"], line["step"]) for line in onward.effects() if line["what"] == "begin"
        )
        assert set(begun.values()) == {1}
        for one in made:
            types = Counter(event["type"] for event in await onward.events(one))
            assert types["checkpoint_reached"] == 5
            assert types["completed"] == 1
