"""The subjects are an interface: frozen."""

import pytest

from onward.contract import subjects as s
from tests.support.builders import EXECUTION

FROZEN = {
    s.fence("default", EXECUTION): f"onward.ev.default.10.{EXECUTION}.>",
    s.event("default", EXECUTION): f"onward.ev.default.10.{EXECUTION}.e",
    s.event("default", EXECUTION, "gpu.high"): f"onward.ev.default.10.{EXECUTION}.wake.gpu.high",
    s.hint("default", "gpu.high", EXECUTION): f"onward.work.default.gpu.high.{EXECUTION}",
    s.hints("default", "gpu", "high"): "onward.work.default.gpu.high.*",
    s.consumer("default", "gpu", "high"): "default+gpu+high",
    s.timer("default", EXECUTION, 42): f"onward.timer.default.10.{EXECUTION}.42",
    s.timers_of("default", EXECUTION): f"onward.timer.default.10.{EXECUTION}.*",
    s.due("default", "gpu.high", EXECUTION): f"onward.due.default.gpu.high.{EXECUTION}",
    s.logs("default", EXECUTION): f"onward.logs.default.{EXECUTION}",
    s.config("default", "task", "shell"): "onward.cfg.default.task.shell",
    s.echo("onward.ev.default.8.x.e"): "onward.echo.ev.default.8.x.e",
    s.live("default", "completed", "gpu", EXECUTION): f"onward.live.default.completed.gpu.{EXECUTION}",
    s.control("default", EXECUTION): f"onward.ctl.default.{EXECUTION}",
    s.owner("w1"): "onward.own.w1",
    s.heartbeat("default", "w1"): "onward.beat.default.w1",
    s.ask("state", "list"): "onward.ask.state.list",
    s.ALL_EVENTS: "onward.ev.>",
    s.WAKE_EVENTS: "onward.ev.*.*.*.wake.*.*",
    s.WAKE_TO_WORK: "onward.work.{{wildcard(1)}}.{{wildcard(4)}}.{{wildcard(5)}}.{{wildcard(3)}}",
    s.ALL_HINTS: "onward.work.>",
    s.ALL_TIMERS: "onward.timer.>",
    s.ALL_DUE: "onward.due.*.*.*.*",
    s.DUE_TO_WORK: "onward.work.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}.{{wildcard(4)}}",
    s.ALL_LOGS: "onward.logs.>",
    s.ALL_CONFIG: "onward.cfg.>",
    s.ECHO_OF_EVENTS: "onward.echo.ev.>",
    s.ALL_HEARTBEATS: "onward.beat.*.*",
}


@pytest.mark.parametrize("made, frozen", FROZEN.items())
def test_a_subject_stays_what_it_is(made, frozen):
    assert made == frozen


def test_the_streams_keep_their_names():
    names = s.EVENTS, s.WORK, s.TIMERS, s.LOGS, s.CONFIG
    assert names == ("ONWARD_EVENTS", "ONWARD_WORK", "ONWARD_TIMERS", "ONWARD_LOGS", "ONWARD_CONFIG")


def test_a_1_the_fence_spans_every_subject_of_its_log_and_of_no_other():
    fence = s.fence("default", EXECUTION).removesuffix(">")
    assert s.event("default", EXECUTION).startswith(fence)
    assert s.event("default", EXECUTION, "gpu.high").startswith(fence)
    assert not s.event("default", EXECUTION[:-1] + "2").startswith(fence)
    assert not s.event("other", EXECUTION).startswith(fence)


def test_an_event_subject_tells_whose_it_is_as_an_echo_too():
    for wake in (None, "gpu.high"):
        subject = s.event("default", EXECUTION, wake)
        assert s.event_owner(subject) == ("default", EXECUTION)
        assert s.event_owner(s.echo(subject)) == ("default", EXECUTION)


def test_a_project_called_ev_does_not_confuse_anybody():
    assert s.event_owner(s.echo(s.event("ev", EXECUTION))) == ("ev", EXECUTION)


def test_nine_priorities_make_three_classes():
    assert [s.priority_class(p) for p in range(1, 10)] == ["low"] * 3 + ["normal"] * 3 + ["high"] * 3
    assert s.route("gpu", 9) == "gpu.high"


def test_m_1_the_timers_of_one_execution_are_purged_together_and_no_other_s():
    prefix = s.timers_of("default", EXECUTION).removesuffix("*")
    assert s.timer("default", EXECUTION, 1).startswith(prefix)
    assert not s.timer("default", EXECUTION[:-1] + "2", 1).startswith(prefix)
