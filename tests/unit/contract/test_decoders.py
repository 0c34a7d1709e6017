"""Whatever bytes come in: a value, or the one error that the decoder says it raises, and soon."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onward.bus import hint_body, wire
from onward.bus.specs import Specs
from onward.cli import options
from onward.contract import (
    agents,
    alerts,
    drafts,
    keys,
    limit,
    lines,
    places,
    policies,
    quota,
    retention,
    saved_view,
    schedules,
    subjects,
    webhooks,
)
from onward.contract import events as ev
from onward.contract.errors import InvalidParameter
from onward.telemetry import trace
from onward_execution_state import bulk, listing, question_listing
from onward_gateway import paging
from tests.support.fuzz import examples

WIRE = Path(__file__).parents[2] / "wire"
FROZEN = sorted(file.read_bytes() for file in WIRE.glob("*.json"))
HEADERS = b"NATS/1.0\r\nNats-Stream-Source: EVENTS 7 x\r\nOnward-Origin: 12\r\nNats-Sequence: 3\r\n\r\n"
ACK = "$JS.ACK.WORK.c.1.7.1.1790000000000000000.0"
HINT = "onward.work.default.default.normal.0198c0de-0000-7000-8000-000000000001"


@st.composite
def damaged(draw, samples):
    """A sample with some of it cut out, doubled, or replaced by other bytes."""
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 6))] = draw(st.binary(max_size=5) | st.sampled_from(SPLINTERS))
    return bytes(data)


@st.composite
def bent(draw, samples):
    """A JSON sample in which one value is another one."""
    whole = json.loads(draw(st.sampled_from(samples)))
    owner, key = draw(st.sampled_from(list(_places(whole)) or [(None, None)]))
    if owner is not None:
        owner[key] = draw(ODD)
    return json.dumps(whole).encode()


def _places(value):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in items:
        yield value, key
        yield from _places(member)


SPLINTERS = [
    b"null",
    b"-1",
    b"1e999",
    b"9" * 40,
    b'"',
    b"{",
    b"[" * 2000,
    b"\xff",
    b"\\ud800",
    b"NaN",
    b"\r\n",
]
ODD = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.text(max_size=8)
    | st.lists(st.none(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
    | st.sampled_from(["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "2026-01-01", 1e308, -0.0])
)
RESOURCES = (
    agents.AgentSpec, agents.TeamSpec, alerts.AlertSpec, alerts.ChannelSpec, drafts.DraftSpec, keys.KeySpec,
    limit.LimitSpec, places.EnvironmentSpec, places.QueueSpec, policies.PolicySpec, quota.QuotaSpec,
    retention.RetentionSpec, retention.HoldSpec, saved_view.SavedViewSpec, schedules.ScheduleSpec, webhooks.WebhookSpec,
)  # fmt: skip
NASTY = st.binary(max_size=80) | damaged(FROZEN) | bent(FROZEN)
CURSORS = st.text(max_size=40) | st.builds(
    lambda text: listing.base64.urlsafe_b64encode(text.encode()).decode(),
    st.builds(
        "{}{}{}".format,
        st.integers().map(str)
        | st.datetimes().map(datetime.isoformat)
        | st.text("0123456789-:T+Z.", max_size=30),
        st.sampled_from([" ", ":", ""]),
        st.uuids().map(str) | st.text("0123456789abcdef-:", max_size=40),
    ),
)


def value_or(errors, decoder, *given):
    """What the decoder makes of it; None where it refuses as it says it does."""
    try:
        return decoder(*given)
    except errors:
        return None


@examples(60)
@given(NASTY)
def test_any_bytes_are_an_event_or_refused_and_an_event_can_be_written_again(data):
    event = value_or(msgspec.MsgspecError, ev.decode, data)

    if event is not None:
        assert ev.decode(ev.encode(event)) == event


@examples(60)
@given(NASTY)
def test_any_bytes_are_a_chunk_of_lines_or_refused(data):
    value_or(msgspec.MsgspecError, lines.decode, data)
    head = value_or(msgspec.MsgspecError, lines.head, data)
    if head is not None:
        value_or(msgspec.MsgspecError, lines.lines_of, head)
        value_or(msgspec.MsgspecError, lines.each_of, head)


@examples(50)
@given(
    st.sampled_from([HINT, HINT + ".x", "......"]), st.text("$JS.ACK019.", max_size=30), damaged([HEADERS])
)
@example(HINT, "a.b", HEADERS)
@example(HINT, ACK, b"NATS/1.0\r\nNats-Stream-Source: ONWARD_EVENTS\r\n\r\n")
def test_a_good_body_under_any_subject_is_a_hint_or_a_value_error(subject, ack, headers):
    fired = {"project": "default", "execution_id": HINT.rsplit(".", maxsplit=1)[-1], "n": 3, "sequence": 9}

    value_or(ValueError, hint_body.hint_of, subject, ack, headers, json.dumps({"timer": fired}).encode())
    value_or(ValueError, hint_body.origin_of, headers)


@examples(60)
@given(damaged([HEADERS, b"NATS/1.0 404 No Messages\r\n\r\n", b"NATS/1.0 100\r\n"]) | st.binary(max_size=60))
@example(b"NATS/1.0\r\nNats-Sequence: \xc2\xb2\r\n\r\n")
@example(b"NATS/1.0\r\nNats-Sequence: " + b"9" * 5000 + b"\r\n\r\n")
@example(b"NATS/1.0\r\nNats-Sequence:")
def test_any_header_block_has_a_status_and_its_numbers_are_numbers(headers):
    assert 0 <= wire.status_of(headers) <= 999
    assert wire.number(headers, b"Nats-Sequence") >= 0
    assert isinstance(wire.header(headers, b"Nats-Stream-Source"), str | None)


@examples(60)
@given(CURSORS)
@example(listing.base64.urlsafe_b64encode(b"2026-01-01 0198c0de-0000-7000-8000-000000000001").decode())
@example(
    listing.base64.urlsafe_b64encode(
        b"0001-01-01T00:00:00+23:59 0198c0de-0000-7000-8000-000000000001"
    ).decode()
)
@example(listing.base64.urlsafe_b64encode(b"99999999999999999:0198c0de-0000-7000-8000-000000000001").decode())
def test_any_cursor_is_a_place_that_postgres_can_hold_or_refused(cursor):
    for place in (listing._place, question_listing._place, bulk._place):
        found = value_or(InvalidParameter, place, cursor)
        if found is not None:
            assert found[0].astimezone(UTC).year
            assert found[0].tzinfo
    value_or(InvalidParameter, bulk._number, cursor)
    value_or(InvalidParameter, paging._start, cursor)


@examples(60)
@given(st.text(max_size=60) | st.from_regex(r"[0-9.]{0,12}[smhdw]?([0-9]{0,30}[smhd])?", fullmatch=True))
@example("9" * 400 + "d")
@example("1e999")
@example("nan")
@example("\u00b2s")
def test_any_text_is_a_duration_or_refused(text):
    seconds = value_or(click.BadParameter, options.duration, text)

    assert seconds is None or 0 <= seconds < float("inf")


@examples(60)
@given(st.text(max_size=60) | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"))
def test_any_traceparent_is_a_context_or_none(text):
    trace.parse(text)
    kept = trace.accepted(text)
    assert kept is None or trace.parse(kept) is not None


@examples(60)
@given(st.text(max_size=60) | st.text("ev.abon-0123456789", max_size=60))
def test_any_name_of_an_object_is_ours_or_nobodys(name):
    owner = subjects.object_owner(name)

    assert owner is None or subjects.object_name(*owner) == name


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"type":' * 100_000,
        b'{"type":"submitted","n":' + b"9" * 10_000,
        b'{"type":"submitted","id":"\xff"}',
        b'{"execution_id":"\x80"}',
    ],
)
def test_deep_long_and_damaged_bytes_are_refused_by_the_one_error_that_followers_expect(data):
    for decoder in (ev.decode, lines.decode, lines.head):
        with pytest.raises(msgspec.MsgspecError):
            decoder(data)


class OneMessage:
    """CONFIG with the same message under every name."""

    def __init__(self, data):
        self._data = data

    def get(self, *_where):
        return self._data, 1

    def items(self, *_where):
        return {"a": (self._data, 1)}


@examples(100)
@given(NASTY)
@example(b'{"x":' * 100_000)
@example(b'{"name":"\xff"}')
def test_what_cannot_be_read_in_config_is_as_if_it_were_not_there(data):
    for kind in RESOURCES:
        found = Specs(OneMessage(data)).get("default", kind, "a")

        assert found is None or isinstance(found, kind)
