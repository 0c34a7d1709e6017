"""What a limit does when it is full, and two keys at once, while workers and keepers are killed."""

import asyncio

import msgspec

from onward.bus import limit_audit
from onward.contract import events as ev
from onward.contract import limits
from onward.contract.limit import LimitPolicy
from onward.contract.limit_round import Round
from onward.testing.faults import ROUGH
from tests.simulation.installation import Installation, Setup, broken, first_broken
from tests.simulation.test_limit_rules import KEYS, tasks, wear_keepers, wrong

STRATEGIES = ("wait", "drop_newest", "cancel_oldest", "replace")


def worn_day(limits_of, *, submissions=30, judge=lambda _here, _ids: None):
    """Executions with limits that come and go, under kills; and what is wrong after that."""

    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=4), workers=2, faults=ROUGH)
        killing = asyncio.ensure_future(wear_keepers(here, [here.bus.limits]))
        made = []
        for _ in range(submissions):
            made.append(await here.client.submit("work", limits=limits_of(random)))
            await asyncio.sleep(random.choice([0.0, 0.0, 1.0]))
        await here.wear(30)
        left = await here.settled(900)
        killing.cancel()
        await asyncio.sleep(60)
        return wrong(here, left) or judge(here, made)

    return main


def one_strategy(full):
    return lambda random: (LimitPolicy(name := random.choice(sorted(KEYS)), max=KEYS[name], full=full),)


def both_keys(random):
    """Two of three keys, in any order, each with a strategy of its own."""
    names = random.sample(sorted(KEYS), 2)
    return tuple(LimitPolicy(name, max=KEYS[name]) for name in names)


def any_two(random):
    return tuple(
        LimitPolicy(limit.key, max=limit.max, full=random.choice(STRATEGIES)) for limit in both_keys(random)
    )


def newest_is_gone(here, made):
    """The newest of those that replace each other is never replaced itself."""
    states = [here.state(one) for one in made]
    for key in KEYS:
        newest = max(
            (state for state in states if state.limits[0].key == key),
            key=lambda state: (state.created_at, state.id),
            default=None,
        )
        ends = [] if newest is None else [item.event for item in here.logs[newest.id]]
        if any(isinstance(event, ev.CancelRequested | ev.Cancelled) for event in ends):
            return f"the newest of {key} was replaced"
    return None


def test_l1_cancel_oldest_under_kills_admits_nobody_too_many_and_leaks_nothing():
    assert broken(worn_day(one_strategy("cancel_oldest")), range(6)) == {}


def test_l1_drop_newest_under_kills_strands_and_leaks_nothing():
    assert broken(worn_day(one_strategy("drop_newest")), range(6)) == {}


def test_l1_replace_under_kills_keeps_the_newest_of_each_key():
    assert broken(worn_day(one_strategy("replace"), judge=newest_is_gone), range(6)) == {}


def test_l1_a_replacement_that_takes_the_newer_one_is_found_out(monkeypatch):
    def replace(self, key, execution_id, at):
        """PLANTED: whoever came first stays."""
        newest = self.state(key).newest
        return None if real(self, key, execution_id, at) is None else execution_id if newest else None

    real = Round.replace
    monkeypatch.setattr(Round, "replace", replace)
    assert "was replaced" in str(
        first_broken(worn_day(one_strategy("replace"), judge=newest_is_gone), range(6))
    )


def test_l1_two_keys_in_any_order_neither_block_each_other_for_ever_nor_leak():
    assert broken(worn_day(both_keys), range(20)) == {}


def test_l1_two_keys_with_any_strategies_neither_block_each_other_for_ever_nor_leak():
    assert broken(worn_day(any_two), range(10)) == {}


def test_l1_two_keys_given_one_after_the_other_block_each_other_for_ever(monkeypatch):
    def admit(self, project, who, as_now):
        """PLANTED: it takes what it can get, and waits for the rest."""
        found = self.blocked(project, who, as_now)
        for limit in as_now:
            if all(why.limit.key != limit.key for why in found):
                state = limits.granted(self.state((project, limit.key)), limit, who, self._now)
                self._set((project, limit.key), state)
        return found

    monkeypatch.setattr(Round, "admit", admit)
    monkeypatch.setattr(Round, "got", lambda *_: [])
    assert "for ever" in str(first_broken(worn_day(both_keys), range(6)))


def leaked_while_keepers_die(every):
    """Somebody who has ended holds a key, and no keeper lives for longer than `every`."""

    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=4), workers=1)
        gone = await here.client.submit("work", limits=(LimitPolicy("a", max=1),))
        assert await here.settled(60) == []
        await asyncio.sleep(10)  # its end is heard of, and done with
        kept = here.bus.limits.stream.kept
        state, last = kept["default", "a"]
        holder = limits.Holder(execution_id=gone, n=1, since=here.state(gone).created_at)
        here.bus.limits.stream.append(msgspec.structs.replace(state, holders=(holder,)), last)
        next_one = await here.client.submit("work", limits=(LimitPolicy("a", max=1),))
        for _ in range(30):
            here.bus.limits.kill()
            await asyncio.sleep(every)
        return None if here.ended(next_one) else "it waits for a key that nobody holds"

    return main


def test_l1_what_is_held_by_who_has_ended_is_taken_back_by_keepers_that_live_for_seconds():
    assert broken(leaked_while_keepers_die(5.0), range(3)) == {}


def test_l1_keepers_that_look_around_late_in_their_life_never_take_it_back(monkeypatch):
    monkeypatch.setattr(limit_audit, "_FIRST", 1.0)  # PLANTED: as long as between two looks
    assert "nobody holds" in str(first_broken(leaked_while_keepers_die(5.0), range(3)))
