"""The promises about families, undoing and inputs are shown to fail: each planted fault is found by its invariant."""

from msgspec.structs import replace

from onward.contract import commands, family
from onward.testing.faults import ROUGH
from onward.testing.virtual_loop import simulate
from onward.worker import undo
from tests.simulation.everything import Everything

SEEDS = range(150)


def finds(invariant: str) -> bool:
    """Whether some day breaks this promise."""

    async def main(random) -> set[str]:
        here = Everything(random, ROUGH)
        wrong = await here.whole_day(programs=3, seconds=40)
        return here.report().broken if wrong else set()

    return any(invariant in simulate(seed, main) for seed in SEEDS)


def test_invariant_11_an_end_that_did_not_happen_is_found(monkeypatch):
    """PLANTED: parents hear that whoever was cancelled has completed."""
    plain = family.child_end

    def child_end(event):
        end = plain(event)
        return end and replace(end, outcome="completed")

    monkeypatch.setattr(family, "child_end", child_end)
    assert finds("I11")


def test_invariant_17_steps_undone_in_the_order_in_which_they_were_done_are_found(monkeypatch):
    """PLANTED: the first is undone first."""
    plain = undo.to_undo
    monkeypatch.setattr(undo, "to_undo", lambda log: plain(log)[::-1])
    assert finds("I17")


def test_invariant_12_an_event_that_is_taken_twice_is_found(monkeypatch):
    """PLANTED: nobody looks at the sender's key."""
    plain = commands.receive

    def receive(state, moment, *, name, value, key):
        return plain(replace(state, received=()), moment, name=name, value=value, key=key)

    monkeypatch.setattr(commands, "receive", receive)
    assert finds("I12")
