"""Whatever comes over the wire, and however it is cut up: messages, or an error that the reader of them knows."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onward.bus.hint_body import hint_of
from onward.bus.inbound import Inbound
from onward.bus.wire import header, number, status_of
from tests.support.fuzz import TIMES, examples

ID = "01a20779-1f75-7590-8747-f9290c8ecb2b"
TIMER = b'{"timer":{"project":"default","execution_id":"%b","n":1,"sequence":1}}' % ID.encode()
TOKEN = st.text("abcXYZ019_$-", min_size=1, max_size=8).map(str.encode)
SUBJECT = st.lists(TOKEN, min_size=1, max_size=4).map(b".".join)


@st.composite
def messages(draw):
    """What the server writes for one message, and what a listener should hear of it."""
    sid, subject, reply = draw(st.integers(1, 999)), draw(SUBJECT), draw(st.just(b"") | SUBJECT)
    data, to = draw(st.binary(max_size=40)), b" " + reply if reply else b""
    if draw(st.booleans()):
        return b"MSG %b %d%b %d\r\n%b\r\n" % (subject, sid, to, len(data), data), (
            sid,
            subject,
            reply,
            b"",
            data,
        )
    block = b"NATS/1.0\r\n" + draw(st.binary(max_size=20)) + b"\r\n\r\n"
    sizes = len(block), len(block) + len(data)
    wire = b"HMSG %b %d%b %d %d\r\n%b%b\r\n" % (subject, sid, to, *sizes, block, data)
    return wire, (sid, subject, reply, block, data)


COMMANDS = st.sampled_from([b"PING", b"PONG", b"+OK", b"-ERR 'x'", b'INFO {"a":1}']).map(
    lambda line: (line + b"\r\n", line)
)


def heard(parts):
    """What comes of these bytes, one piece after the other; and the error that ended it."""
    found = []

    async def main():
        inbound = Inbound(asyncio.Protocol(), lambda *message: found.append(message), found.append)
        for part in parts:
            inbound.data_received(part)
        return inbound.ended.result() if inbound.ended.done() else None

    return found, asyncio.run(main())


@given(st.lists(messages() | COMMANDS, max_size=6), st.data())
@examples(200)
def test_however_the_stream_is_cut_up_the_same_messages_are_heard(sent, data):
    stream = b"".join(wire for wire, _ in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    parts = [stream[a:b] for a, b in itertools.pairwise([0, *cuts, len(stream)])]

    assert heard(parts) == ([told for _, told in sent], None)


GARBAGE = st.lists(
    st.binary(max_size=20)
    | st.sampled_from(
        [
            b"MSG",
            b"HMSG",
            b" ",
            b"\r\n",
            b"MSG a 1 -5\r\n",
            b"MSG a 1 2\r\n",
            b"HMSG a 1 9 3\r\n",
            b"MSG \r\n",
            b"M\r\n",
            b"\xff",
        ]
    ),
    max_size=8,
).map(b"".join)


@given(GARBAGE)
@settings(max_examples=500 * TIMES, deadline=2000)
def test_garbage_ends_the_connection_or_waits_and_never_hangs(garbage):
    _, error = heard([garbage, b"\r\n"])

    assert error is None or isinstance(error, ValueError)


@pytest.mark.parametrize(
    "line",
    [
        b"MSG a 1 -5\r\n",
        b"HMSG a 1 -1 3\r\n",
        b"HMSG a 1 9 3\r\n",
        b"MSG\r\n",
        b"HMSG a 1\r\n",
        b"MSG a 1 x\r\n",
        b"M 5\r\n",
        b"HMSG a 1 4\r\n",
        b"MSG a 1 1 1 1\r\n",
        b"MSG a 1 99999999999\r\n",
    ],
)
def test_a_message_of_an_impossible_size_ends_the_connection(line):
    found, error = heard([line + b"0123456789\r\n"])

    assert found == []
    assert isinstance(error, ValueError)


def test_nothing_is_heard_behind_what_ended_the_connection():
    found, error = heard([b"MSG a x 0\r\n\r\n", b"MSG a 1 2\r\nhi\r\n"])

    assert found == []
    assert isinstance(error, ValueError)


@given(st.binary(max_size=80), st.binary(max_size=12))
@examples(300)
def test_any_header_block_has_a_status_and_values_or_none(block, name):
    assert 0 <= status_of(b"NATS/1.0" + block) <= 999
    assert isinstance(header(block, name), str | None)
    assert number(block, name) >= 0


@given(
    st.text(max_size=30) | st.just(f"onward.work.default.default.normal.{ID}"),
    st.text(max_size=60)
    | st.just("$JS.ACK.ONWARD_WORK.default+default+normal.1.17.17.1763886000000000000.0"),
    st.binary(max_size=40),
    st.binary(max_size=60) | st.just(TIMER),
)
@examples(500)
def test_any_message_of_work_is_a_hint_or_a_value_error(subject, ack_subject, headers, data):
    try:
        hint_of(subject, ack_subject, headers, data)
    except ValueError:
        return
