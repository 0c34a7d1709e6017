"""The stream of keys is lost under load: nobody is admitted until it is rebuilt from EVENTS, and then as before."""

import asyncio

from onward.bus import limit_ground
from onward.bus.limit_ground import Ground
from onward.testing.faults import CALM, ROUGH
from onward.testing.limits import LimitKeeping, concerns_limits
from tests.simulation.installation import Installation, Setup, broken, first_broken
from tests.simulation.test_limit_rules import some_limits, tasks, wear_keepers, wrong

SEEDS = range(6)


def twin_of(here):
    """A second keeper of the same keys."""
    twin = LimitKeeping(here.bus.work, here.bus.process)
    twin.stream = here.bus.limits.stream
    here.bus.events.listeners.append(lambda stored: twin.hear(stored) if concerns_limits(stored) else None)
    return twin


def lossy_day(*, faults=ROUGH, submissions=30, losses=4):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=4), workers=2, faults=faults)
        killing = asyncio.ensure_future(wear_keepers(here, [here.bus.limits, twin_of(here)]))
        for _ in range(submissions):
            await here.client.submit("work", limits=some_limits(random))
        for _ in range(losses):
            await asyncio.sleep(random.uniform(1, 12))
            here.bus.limits.stream.lose()
            if random.random() < 0.5:
                here.kill(random.choice(here.workers))
        left = await here.settled(900)
        killing.cancel()
        await asyncio.sleep(30)
        return wrong(here, left)

    return main


def test_l1_a_lost_stream_of_keys_is_rebuilt_and_admits_nobody_too_many():
    assert broken(lossy_day(), SEEDS) == {}


def test_l1_a_lost_stream_that_is_taken_for_empty_admits_too_many(monkeypatch):
    monkeypatch.setattr(limit_ground, "_hear", lambda *_: None)
    assert "too many" in str(first_broken(lossy_day(faults=CALM), SEEDS))


def test_l1_without_a_look_at_the_stream_after_a_grant_too_many_are_admitted(monkeypatch):
    async def holds(self):
        """PLANTED: what was stood on once is stood on for ever."""
        return True

    monkeypatch.setattr(Ground, "holds", holds)
    assert "too many" in str(first_broken(lossy_day(faults=CALM), range(12)))
