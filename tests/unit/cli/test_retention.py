import json


def test_the_days_of_each_class_are_shown_as_they_are_and_as_they_were_set(onward):
    usual = onward("retention", "show")
    onward("retention", "create", "times", "--set", "short=3", "--set", "long=730")

    assert usual.out.splitlines() == [
        "short    7 days", "default  30 days", "long     365 days", "hold     until it is lifted",
    ]  # fmt: skip
    told = json.loads(onward("retention", "show", "-o", "json").out)
    assert told == {"short": 3, "default": 30, "long": 730, "hold": None}


def test_what_is_held_is_listed_with_its_reason_until_it_is_lifted(onward, gateway):
    one = gateway.submit()

    held = onward("retention", "hold", one, "--reason", "an audit")
    again = onward("retention", "hold", one)

    assert (held.code, held.out, again.code) == (0, "1 held\n", 0)
    (row,) = [line.split("\t") for line in onward("retention", "holds").out.splitlines()[1:]]
    assert row[:2] == [one, "an audit"]
    assert onward("retention", "lift", one).out == "1 lifted\n"
    assert onward("retention", "holds", "-o", "json").out.strip() == "[]"


def test_all_that_a_filter_finds_are_held(onward, gateway):
    one, done = gateway.submit(), gateway.submit()
    gateway.start(done)
    gateway.complete(done)

    told = onward("retention", "hold", "--status", "completed", "-o", "json")

    assert json.loads(told.out)["held"] == [done] != [one]


def test_a_hold_needs_either_executions_or_a_filter(onward, gateway):
    one = gateway.submit()

    assert onward("retention", "hold").code == 2
    assert onward("retention", "hold", one, "--status", "failed").code == 2
    assert onward("retention", "holds", "-o", "json").out.strip() == "[]"


def test_times_that_contradict_each_other_are_refused(onward):
    refused = onward("retention", "create", "times", "--set", "short=40")

    assert (refused.code, "short <= default <= long" in refused.err) == (2, True)
