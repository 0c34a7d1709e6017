"""What may not come in as JSON is found before it is parsed, without recursion."""

import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.contract.errors import BadRequest, InvalidBody, TooLarge
from onward.http import json_text


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""
    inner: dict[str, int] = {}
    any: msgspec.Raw = msgspec.Raw(b"null")


DECODER = msgspec.json.Decoder(Thing)


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * depth + closing * depth


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"name":',
        b'{"name":"a"} x',
        b'{"name":NaN}',
        b'{"any":Infinity}',
        b'{"any":-1e-99999}',
        b'{"name":"\\ud800"}',
        b'{"any":"\\udc00x"}',
        b'{"any":"\xff"}',
        b'{"any":"\xed\xa0\x80"}',
        b'{"any":"a\x00b"}',
        b'{"any":"\\u0000"}',
        b'{"any":{"\\u0000":1}}',
        b'{"any":"\\\\\\u0000"}',
        b'\xef\xbb\xbf{"name":"a"}',
        b'{"any":[1,]}',
        b"[1]",
        b"null",
        b'{"name":1}',
        b'{"surname":"a"}',
        nested(100_000),
        nested(100_000, b'{"a":', b"}"),
        b"[" * 100_000,
        b"]" * 100_000,
        b'{"any":' + nested(33) + b"}",
        b'{"any":' + nested(33, b'[{"a":', b"}]") + b"}",
    ],
)
def test_a_bad_body_is_refused_by_name(text):
    with pytest.raises(BadRequest) as refusal:
        json_text.read(text, DECODER)

    assert refusal.value.code == "invalid_body"
    assert str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        b'{"any":"\\\\u0000 is how one writes it"}',
        b'{"any":' + nested(31) + b"}",
        b'{"any":"' + b"[" * 5000 + b'"}',
        b'{"any":"' + b'\\"[' * 5000 + b'"}',
        b'{"any":"\\\\","name":"' + b"{" * 100 + b'"}',
        b'{"any":"1e9999"}',
        b'{"any":12345678901234567890123}',
        '{"name":"ä€😀"}'.encode(),
        b'{"name":"\\ud83d\\ude00"}',
        b'{"any":[' + b"{}," * 500 + b"[]]}",
    ],
)
def test_a_good_body_is_taken_whatever_it_looks_like(text):
    assert isinstance(json_text.read(text, DECODER), Thing)


def test_a_wrong_member_is_pointed_at():
    with pytest.raises(InvalidBody) as refusal:
        json_text.read(b'{"inner":{"a":"x"}}', DECODER)

    assert [error.pointer for error in vars(refusal.value)["errors"]] == ["/inner/*"]


def test_an_unknown_member_is_named_and_the_known_ones_are_listed():
    with pytest.raises(InvalidBody) as refusal:
        json_text.read(b'{"surname":"a"}', DECODER)

    assert vars(refusal.value)["errors"][0].pointer == "/surname"
    assert "name, inner, any" in refusal.value.fix


def test_a_number_out_of_range_inside_a_raw_member_is_refused():
    with pytest.raises(InvalidBody):
        json_text.value_of(msgspec.Raw(b"[1e400]"), "/input", 100)


def test_a_member_beyond_its_limit_is_too_large():
    with pytest.raises(TooLarge):
        json_text.value_of(msgspec.Raw(b'"' + b"x" * 100 + b'"'), "/input", 101)


@pytest.mark.parametrize(
    "text",
    [
        b'"\\' * 400_000,
        b'"' * 800_000,
        b"\\u0000" * 130_000,
        b"\\" * 800_000,
        b"[{" * 400_000,
        b"[]" * 400_000,
        b"1e0000000" * 90_000,
    ],
)
def test_a_hostile_body_costs_no_more_than_its_length(text):
    started = time.perf_counter()

    with pytest.raises(BadRequest):
        json_text.read(text, DECODER)

    assert time.perf_counter() - started < 1.0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def depth_of(value) -> int:
    if isinstance(value, dict | list):
        inside = value.values() if isinstance(value, dict) else value
        return 1 + max((depth_of(item) for item in inside), default=0)
    return 0


@given(json_values, st.integers(1, 6), st.booleans())
def test_depth_is_counted_as_a_parser_would(value, limit, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    assert json_text.too_deep(text, limit) == (depth_of(value) > limit)
