"""Incidents open once, do not come and go around their limit, and are resolved once things are quiet."""

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from onward.contract.alerts import AlertSpec, ChannelSpec, check_alert, check_channel
from onward.contract.errors import InvalidBody
from onward.contract.incidents import Finding, judge
from onward.contract.notices import TRIES, body_for, next_try, of_incident, of_test

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RATE = AlertSpec(name="rate", when="failure_rate", above=0.5, at_least=4, settle=60)


class Rule:
    """A rule that is looked at again and again."""

    def __init__(self, spec):
        self.spec, self.now, self.open = spec, NOON, {}
        self._ids = itertools.count(1)

    def look(self, seconds, *found):
        """What one look tells: keys opened, keys resolved."""
        self.now += timedelta(seconds=seconds)
        findings = [Finding(key=key, value=value, count=count, detail="") for key, value, count in found]
        judged = judge(self.spec, "default", findings, self.open, self.now, lambda: f"i{next(self._ids)}")
        for one in (*judged.opened, *judged.going_on):
            self.open[one.key] = one
        for one in judged.resolved:
            del self.open[one.key]
        return [one.key for one in judged.opened], [one.key for one in judged.resolved]


def test_an_incident_opens_once_and_is_told_once():
    rule = Rule(RATE)
    assert rule.look(1, ("", 0.6, 10)) == ([""], [])
    assert [rule.look(1, ("", 0.7, 10)) for _ in range(50)] == [([], [])] * 50


def test_a_value_that_goes_up_and_down_around_its_limit_does_not_flap():
    rule = Rule(RATE)
    told = [rule.look(61, ("", value, 10)) for value in [0.51, 0.49, 0.52, 0.45, 0.51, 0.41] * 5]
    assert told == [([""], []), *[([], [])] * 29]


def test_it_is_resolved_once_it_has_been_quiet_for_a_while_and_may_open_again():
    rule = Rule(RATE)
    rule.look(1, ("", 0.6, 10))
    assert rule.look(59, ("", 0.3, 10)) == ([], [])
    assert rule.look(2) == ([], [""])
    assert rule.look(1, ("", 0.6, 10)) == ([""], [])


def test_too_few_open_nothing():
    assert Rule(RATE).look(1, ("", 1.0, 3)) == ([], [])


def test_each_key_has_an_incident_of_its_own():
    rule = Rule(AlertSpec(name="f", when="execution_failed"))
    assert rule.look(1, ("a", 1, 1), ("b", 2, 2)) == (["a", "b"], [])
    assert rule.look(61, ("b", 2, 2)) == ([], ["a"])


def test_while_muted_incidents_are_kept_and_known_as_untold():
    rule = Rule(msgspec.structs.replace(RATE, muted_until=NOON + timedelta(hours=1)))
    rule.look(1, ("", 0.6, 10))
    assert rule.open[""].muted


@pytest.mark.parametrize(
    "spec",
    [
        {"when": "failure_rate", "above": 2},
        {"when": "queue_wait", "above": -1},
        {"when": "queue_wait", "per": "fingerprint"},
        {"when": "stalled", "per": "schedule"},
        {"window": 0},
        {"label": "=x"},
        {"at_least": 0},
        {"channels": ("No Name",)},
    ],
)
def test_a_rule_that_nobody_means_is_refused(spec):
    with pytest.raises(InvalidBody):
        check_alert(AlertSpec(name="x", **spec))


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "webhook"},
        {"kind": "webhook", "url": "ftp://example.com"},
        {"kind": "webhook", "url": "https://user:pw@example.com"},
        {"kind": "webhook", "url": "https://example.com", "secret": "whsec_short"},
        {"kind": "slack", "url": "file:///etc/passwd"},
        {"kind": "email"},
        {"kind": "email", "to": ("ann@example.com\r\nBcc: all@example.com",)},
    ],
)
def test_a_channel_that_reaches_nobody_is_refused(spec):
    with pytest.raises(InvalidBody):
        check_channel(ChannelSpec(name="x", **spec))


def test_tries_go_on_for_hours_and_end_and_a_receiver_may_ask_for_time():
    assert 20 * 3600 < sum(TRIES) < 24 * 3600
    assert next_try(1, NOON) == NOON + timedelta(seconds=5)
    assert next_try(1, NOON, retry_after=60) == NOON + timedelta(minutes=1)
    assert next_try(1, NOON, retry_after=1e6) == NOON + timedelta(hours=1)
    assert next_try(len(TRIES) + 1, NOON) is None


def test_each_kind_of_channel_is_told_in_its_own_form():
    rule = Rule(RATE)
    rule.look(1, ("", 0.6, 10))
    notice = of_incident(
        msgspec.structs.replace(rule.open[""], detail="<b> & co"), "opened", "see the runbook"
    )
    hook = msgspec.json.decode(body_for(ChannelSpec(name="w", kind="webhook"), notice))
    slack = msgspec.json.decode(body_for(ChannelSpec(name="s", kind="slack"), notice))
    mail = msgspec.json.decode(body_for(ChannelSpec(name="m", kind="email"), notice))
    assert (hook["type"], hook["data"]["alert"], hook["data"]["value"]) == ("incident.opened", "rate", 0.6)
    assert slack == {"text": "*[ERROR] rate: &lt;b&gt; &amp; co*\nrate: &lt;b&gt; &amp; co\nsee the runbook"}
    assert mail["subject"] == "[ERROR] rate: <b> & co"
    assert (
        "\n"
        not in msgspec.json.decode(
            body_for(ChannelSpec(name="m", kind="email"), of_test("default", "a\nBcc: x", NOON))
        )["subject"]
    )
