"""The page about the life of an execution says what the code says, all of it."""

import re

import pytest

from onward.contract import events as ev
from onward.contract.execution import Status
from onward.contract.lifecycle import TRANSITIONS
from onward.contract.lifecycle_page import REASONS, STATUSES, main, page
from tests.unit.contract.test_reachable import STATES


def test_each_transition_has_a_line_and_each_change_of_status_an_arrow():
    text = page()
    for (before, kind), after in TRANSITIONS.items():
        name = kind.__struct_config__.tag
        assert f"| `{before}` | `{name}` | `{after}` |" in text
        if before is not after:
            assert re.search(rf"    {before} --> {after}: .*\b{name}\b", text)


def test_only_completed_is_final():
    assert re.findall(r"    (\w+) --> \[\*\]", page()) == ["completed"]


def test_every_status_is_explained():
    assert set(STATUSES) == set(Status)


def test_every_reason_that_can_be_reached_is_explained():
    found = {(state.status, state.reason) for state, _ in STATES.values()}
    # `waiting` is how that test suspends, and a cancel's reason is whatever somebody wrote.
    found = {(s, r) for s, r in found if r not in {None, "waiting"} and s is not Status.CANCELLED}
    explained = {(status, reason) for status, reasons in REASONS.items() for reason in reasons}
    assert found <= explained
    assert {
        "policy_denied",
        "timed_out",
        "sleeping",
        "waiting_for_input",
        "in_doubt",
        "waiting_for_event",
        "waiting_for_children",
        "held",
    } >= {r for _, r in explained - found}


def test_the_reasons_of_a_failure_are_those_the_event_names():
    named = re.findall(r"[a-z_]+", ev.Failed.__doc__.partition("one of ")[2].partition(".")[0])
    assert set(named) == set(REASONS[Status.FAILED])


def test_the_page_is_printed_written_and_checked(tmp_path, capsys):
    file = tmp_path / "lifecycle.md"
    assert main([]) == 0
    assert capsys.readouterr().out == page()
    assert main(["--check", str(file)]) == 1
    assert "--write" in capsys.readouterr().err
    assert main(["--write", str(file)]) == 0
    assert main(["--check", str(file)]) == 0
    file.write_text(page() + "more")
    assert main(["--check", str(file)]) == 1


@pytest.mark.parametrize("argv", [["--write"], ["x"], ["--check", "a", "b"]])
def test_a_wrong_call_says_how_it_is_done(argv, capsys):
    assert main(argv) == 2
    assert "usage" in capsys.readouterr().err
