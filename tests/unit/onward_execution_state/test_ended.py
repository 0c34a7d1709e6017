"""An end is told by the event that made it: the same row, whatever is folded before or after it."""

import random
from datetime import timedelta

from onward.contract import commands, decide
from onward.contract import events as ev
from onward.contract.fingerprint import fingerprint
from onward_execution_state.fold import fold, fold_again, read
from tests.unit.onward_execution_state.histories import ERROR, Walk, interleaved, walks


def ends(*made):
    arrived, _ = read(interleaved(list(made)))
    changed = fold(arrived, dict.fromkeys({walk.state.id for walk in made})).changed
    return [end for known in changed.values() for end in known.ends]


def submitted(**fields):
    return Walk(random.Random(3)).submit(**fields)


def test_an_end_tells_how_long_it_waited_and_ran():
    walk = submitted(agent_id="writer", team_id="press", environment="prod")
    walk.at = walk.state.created_at + timedelta(seconds=4)
    walk.claim()
    walk.at = walk.state.first_started_at + timedelta(seconds=90)
    walk.complete()

    (end,) = ends(walk)

    assert (end.outcome, end.wait_ms, end.duration_ms) == ("completed", 4000, 90_000)
    assert end.kind == ("default", walk.state.task, walk.state.queue, "prod", "writer", "press", None)


def test_a_delay_that_was_asked_for_is_no_wait():
    walk = submitted(delayed=True)
    walk.at = walk.state.due + timedelta(seconds=2)
    walk.claim().complete()

    assert ends(walk)[0].wait_ms == 2000


def test_what_was_never_claimed_neither_waited_nor_ran():
    walk = submitted()
    walk._add(*commands.cancel(walk.state, walk.moment, "no"))

    (end,) = ends(walk)

    assert (end.outcome, end.wait_ms, end.duration_ms) == ("cancelled", None, None)


def failed_and_repaired():
    walk = submitted(task="train").claim()
    walk.append(ev.Failed, reason="error", error=ERROR)
    walk.at += timedelta(hours=1)
    walk._add(*commands.retry(walk.state, walk.moment, fresh=False))
    walk.at += timedelta(seconds=5)
    return walk.claim().complete()


def test_each_life_has_an_end_of_its_own_with_its_own_times():
    first, second = ends(failed_and_repaired())

    assert (first.outcome, second.outcome) == ("failed", "completed")
    assert (first.fingerprint, second.fingerprint) == (fingerprint("ValueError", "it broke"), None)
    assert 5000 <= second.wait_ms < 6000
    assert second.duration_ms < 1000


def test_ends_are_the_same_whichever_way_they_are_folded():
    for walk in walks(seed=9, count=60):
        arrived, _ = read(interleaved([walk]))
        again, _ = fold_again(arrived)
        one_by_one, known = [], None
        for item in arrived:
            known = fold([item], {walk.state.id: known}).changed[walk.state.id]
            one_by_one += known.ends
        assert list(again.ends) == one_by_one == ends(walk)


def test_the_version_of_the_code_is_that_of_the_last_claim():
    walk = submitted(task="train")
    state, moment = walk.state, walk.moment
    hint = decide.Hint(
        project="default", execution_id=state.id, route=state.route, work_sequence=1, ack_subject="a", n=1
    )
    met = decide.meet(
        state, hint, decide.Owner(worker_id="w", connection="c", versions={"train": "2.1"}), moment
    )
    walk._add(*met.events)
    walk.complete()

    assert ends(walk)[0].kind.version == walk.state.task_version == "2.1"
