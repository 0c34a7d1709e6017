"""Each invariant is broken by a history made by hand, and called by its name; a sound one passes."""

import pytest

from onward.bus.ports import Raw
from onward.contract import events as ev
from onward.contract import subjects
from onward.testing.checker import Demand, check
from onward.testing.history import Effect, Fault, History, Record, Row, read, write
from tests.support.builders import EXECUTION, PROJECT, event, events, raw

STEPS = (ev.Started, (ev.CheckpointReached, {"name": "one"}), (ev.Completed, {"output": raw("done")}))


def dump(*kinds, execution_id: str = EXECUTION, first: int = 1, **fields) -> list[Raw]:
    """EVENTS, as these kinds make it."""
    made = events((ev.Submitted, {"labels": {"token": "t1"}, **fields}), *kinds)
    return stored([event(type(one), one.n, **own(one, execution_id)) for one in made], first)


def own(one, execution_id: str) -> dict:
    return {f: getattr(one, f) for f in one.__struct_fields__ if f != "n"} | {"execution_id": execution_id}


def stored(made, first: int = 1) -> list[Raw]:
    return [
        Raw(first + i, subjects.event(one.project, one.execution_id, one.wake), ev.encode(one))
        for i, one in enumerate(made)
    ]


def record(t: int, op: str, type: str = "ok", process: str = "client", **fields) -> Record:
    return Record(t_ns=t, process=process, type=type, op=op, **{"execution_id": EXECUTION, **fields})


def effect(t: int, step: str, attempt: int = 1, process: str = "w1") -> Effect:
    return Effect(t_ns=t, process=process, execution_id=EXECUTION, step=step, attempt=attempt, what="begin")


def row(t: int, version: int, status: str, *, final: bool = False) -> Row:
    return Row(t_ns=t, execution_id=EXECUTION, version=version, status=status, final=final)


def broken(logs: list[Raw], *, at_rest: bool = True, **history) -> set[str]:
    return check(History(**history), logs, at_rest=at_rest).broken


def test_a_sound_history_breaks_nothing():
    history = History(
        records=[
            record(1, "submit", "invoke", token="t1"),
            record(2, "submit", token="t1"),
            record(5, "checkpoint", process="w1", step="/one", attempt=1),
            record(6, "read", version=2, status="running"),
            record(9, "read", version=4, status="completed", output='"done"'),
        ],
        effects=[effect(4, "/one")],
        rows=[row(7, 2, "running"), row(8, 4, "completed", final=True)],
    )
    report = check(history, dump(*STEPS))
    assert report.violations == []
    assert (report.executions, report.events, report.steps_begun, report.steps_repeated) == (1, 4, 1, 0)


# I1 accepted


def test_i1_an_accepted_submission_that_is_in_no_log():
    assert broken([], records=[record(1, "submit")]) == {"I1"}


def test_i1_an_accepted_submission_that_never_ends():
    submitted = [record(1, "submit")]
    assert broken(dump(ev.Started), records=submitted) == {"I1"}
    assert broken(dump(ev.Started, ev.Failed, ev.RetryRequested), records=submitted) == {"I1"}
    assert broken(dump(ev.Started), records=submitted, at_rest=False) == set()
    assert broken(dump(ev.Started, ev.Failed), records=submitted) == set()


@pytest.mark.parametrize("type", ["ok", "info"])
def test_i1_one_submission_that_made_two_executions(type):
    other = "018f0000-0000-7000-8000-000000000002"
    twice = dump(ev.Cancelled) + dump(ev.Cancelled, execution_id=other, first=10)
    assert broken(twice, records=[record(1, "submit", type, token="t1")]) == {"I1"}
    assert broken(dump(ev.Cancelled), records=[record(1, "submit", type, token="t1")]) == set()


def test_i1_a_submission_of_unknown_outcome_may_have_made_none():
    assert broken([], records=[record(1, "submit", "info", token="t1")]) == set()


def test_i1_one_key_that_made_two_executions():
    other = "018f0000-0000-7000-8000-000000000002"
    both = dump(ev.Cancelled) + dump(ev.Cancelled, execution_id=other, first=10)
    records = [record(1, "submit", key="k"), record(2, "submit", key="k", execution_id=other)]
    assert broken(both, records=records) == {"I1"}
    assert broken(both, records=[records[0], records[0]]) == set()


# I2 one outcome


@pytest.mark.parametrize("second", [ev.Completed, ev.Failed, ev.Cancelled])
def test_i2_a_second_outcome(second):
    assert "I2" in broken(dump(ev.Started, ev.Completed, second))


def test_i2_anything_at_all_after_an_outcome():
    assert "I2" in broken(dump(ev.Started, ev.Completed, ev.CheckpointReached))


def test_i2_a_retry_begins_another_life_with_an_outcome_of_its_own():
    again = (ev.Started, {"attempt": 2, "work_sequence": 8})
    assert broken(dump(ev.Started, ev.Failed, ev.RetryRequested, again, ev.Completed)) == set()


def test_i2_a_read_of_another_state_than_the_log_had():
    assert broken(dump(*STEPS), records=[record(1, "read", version=4, status="failed")]) == {"I2"}


def test_i2_a_read_of_another_result_than_the_log_has():
    wrong = record(1, "read", version=4, status="completed", output='"other"')
    assert broken(dump(*STEPS), records=[wrong]) == {"I2"}


def test_i2_a_read_of_a_version_that_never_was():
    assert broken(dump(*STEPS), records=[record(1, "read", version=9, status="completed")]) == {"I2"}


# I3 checkpoint

SAVED = record(5, "checkpoint", process="w1", step="/one", attempt=1)


def test_i3_a_step_that_begins_after_its_checkpoint_was_acknowledged():
    late = [effect(4, "/one"), effect(8, "/one", attempt=2, process="w2")]
    assert broken(dump(*STEPS), records=[SAVED], effects=late) == {"I3"}


def test_i3_a_step_that_is_repeated_before_its_checkpoint_is_no_violation():
    early = [effect(3, "/one"), effect(4, "/one", attempt=2, process="w2")]
    report = check(History(records=[SAVED], effects=early), dump(*STEPS))
    assert (report.violations, report.steps_begun, report.steps_repeated) == ([], 2, 1)


def test_i3_who_was_overtaken_may_begin_one_step_more_and_not_two():
    saved = [
        record(5, "checkpoint", process="w2", step="/one", attempt=2),
        record(6, "checkpoint", process="w2", step="/two", attempt=2),
    ]
    assert broken(dump(*STEPS), records=saved, effects=[effect(8, "/one")]) == set()
    assert broken(dump(*STEPS), records=saved, effects=[effect(8, "/one"), effect(9, "/two")]) == {"I3"}


def test_i3_a_retry_from_the_start_may_repeat_everything():
    logs = dump(*STEPS[:2], ev.Failed, (ev.RetryRequested, {"fresh": True}), ev.Cancelled)
    assert broken(logs, records=[SAVED], effects=[effect(8, "/one", attempt=2)]) == set()


def test_i3_a_step_that_was_saved_twice():
    twice = dump(ev.Started, (ev.CheckpointReached, {"id": "a"}), (ev.CheckpointReached, {"id": "b"}))
    assert broken(twice) == {"I3"}
    assert (
        broken(dump(ev.Started, *[(ev.CheckpointReached, {"kind": "state", "id": str(i)}) for i in (1, 2)]))
        == set()
    )


# I4 legal


def test_i4_an_event_that_may_not_follow():
    assert broken(dump(ev.CheckpointReached)) == {"I4"}


def test_i4_an_event_of_an_attempt_that_was_overtaken():
    over = (ev.Started, {"attempt": 2, "work_sequence": 8})
    assert broken(dump(ev.Started, ev.Recovered, over, (ev.CheckpointReached, {"attempt": 1}))) == {"I4"}


def test_i4_attempts_that_do_not_rise_by_one():
    assert broken(dump(ev.Started, ev.Recovered, (ev.Started, {"attempt": 3}))) == {"I4"}


# I5 order


def test_i5_a_missing_ordinal_and_one_that_is_there_twice():
    whole = dump(*STEPS)
    assert broken(whole[:2] + whole[3:]) == {"I5"}
    assert broken([*whole[:3], Raw(9, whole[2].subject, whole[2].data)]) == {"I5"}


def test_i5_ordinals_in_another_order_than_the_stream():
    one, two, three, four = dump(*STEPS)
    swapped = [one, Raw(2, three.subject, three.data), Raw(3, two.subject, two.data), four]
    assert broken(swapped) == {"I5"}


def test_i5_a_log_may_begin_with_what_was_carried():
    whole = dump(*STEPS)
    state = raw(
        __import__("onward.contract.lifecycle", fromlist=["fold"]).fold(
            [ev.decode(r.data) for r in whole[:3]]
        )
    )
    carried = stored([event(ev.Carried, 4, state=state)], first=80)
    assert broken([*carried, *stored([event(ev.Completed, 5)], first=90)]) == set()


def test_i5_a_row_that_falls_back():
    rows = [row(1, 4, "completed"), row(2, 2, "running")]
    assert broken(dump(*STEPS), rows=rows) == {"I5"}


def test_i14_a_row_that_says_what_the_log_does_not():
    assert broken(dump(*STEPS), rows=[row(1, 4, "failed")]) == {"I14"}


def test_i14_a_row_that_stays_behind_at_the_end():
    assert broken(dump(*STEPS), rows=[row(1, 2, "running", final=True)]) == {"I14"}
    assert broken(dump(*STEPS), rows=[row(1, 2, "running")]) == set()


def test_i10_a_reader_that_sees_an_older_version_again():
    reads = [record(1, "read", version=4, status="completed"), record(2, "read", version=2, status="running")]
    assert broken(dump(*STEPS), records=reads) == {"I10"}
    apart = [reads[0], record(2, "read", process="other", version=2, status="running")]
    assert broken(dump(*STEPS), records=apart) == set()


# Not vacuous


def healthy(count: int = 20, bad: int = 0) -> list[Record]:
    return [record(i, "submit", "info" if i < bad else "ok", token=f"t{i}") for i in range(count)]


def fault(i: int, *, landed: bool = True) -> Fault:
    return Fault(t_ns=1000 + i, until_ns=1000 + i, kind="kill", target="w1", landed=landed)


REFUSED = record(2000, "append", "fail", process="w1")


def vacuous(**history) -> list[str]:
    return check(History(**history), [], at_rest=False, demand=Demand()).vacuous


def test_a_run_that_saw_enough_counts():
    assert vacuous(records=[*healthy(), REFUSED], faults=[fault(i) for i in range(10)]) == []


def test_a_run_whose_faults_hit_nothing_is_vacuous():
    (why,) = vacuous(records=[*healthy(), REFUSED], faults=[fault(i, landed=i < 3) for i in range(12)])
    assert why == "kill hit work under way 3 times, not 10"


def test_a_run_that_hardly_worked_is_vacuous():
    (why,) = vacuous(records=[*healthy(bad=4), REFUSED], faults=[fault(i) for i in range(10)])
    assert why == "only 16 of 20 operations went well while healthy"


def test_a_run_that_failed_through_all_its_faults_is_vacuous():
    during = [Fault(t_ns=0, until_ns=100, kind="kill", landed=True)] * 10
    asked = [record(200 + i, "submit") for i in range(20)]
    (why,) = vacuous(records=[*healthy(bad=18), *asked, REFUSED], faults=during)
    assert why == "only 2 of 20 operations went well while faulty"


def test_a_run_that_never_refused_a_zombie_is_vacuous():
    (why,) = vacuous(records=healthy(), faults=[fault(i) for i in range(10)])
    assert why == "0 late writes were refused, not 1"


def test_a_run_in_which_nothing_was_asked_is_vacuous():
    assert "nothing was asked while all was well" in vacuous()


def test_a_vacuous_run_is_not_ok_even_without_a_violation():
    assert not check(History(), [], demand=Demand()).ok
    assert check(History(), []).ok


# Files


def test_a_history_survives_its_file_and_a_line_torn_by_a_kill(tmp_path):
    path = tmp_path / "history.ndjson"
    records = [record(1, "submit", token="t1"), record(2, "read", version=1, status="pending")]
    write(path, records[:1])
    write(path, records[1:])
    with path.open("ab") as file:
        file.write(b'{"t_ns":3,"proc')
    assert read(path, Record) == records
    assert read(tmp_path / "none", Record) == []


def test_ten_thousand_executions_are_checked_in_seconds():
    import time

    logs: list[Raw] = []
    for i in range(2000):
        logs += dump(*STEPS, execution_id=f"018f0000-0000-7000-8000-{i:012}", first=1 + 10 * i)
    began = time.perf_counter()
    report = check(History(), logs)
    took = time.perf_counter() - began
    print(f"{report.events / took:.0f} events/s")
    assert (report.executions, report.violations) == (2000, [])
    assert took < 5


def test_projects_are_told_apart_by_their_logs():
    assert {PROJECT} == {ev.decode(one.data).project for one in dump(*STEPS)}
