import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from onward.cli import clean, show

OBEYED = [
    ("a\x1b[2Jb", "ab"),  # clears the screen
    ("a\x1b[1;1Hb", "ab"),  # moves the cursor
    ("a\x1b]0;title\x07b", "ab"),
    ("a\x1b]52;c;ZXZpbA==\x1b\\b", "ab"),  # writes the clipboard
    ("a\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
    ("a\x1bP1$r0m\x1b\\b", "ab"),
    ("a\x9b2Jb", "ab"),  # the same in one character
    ("a\x9d0;title\x9cb", "ab"),
    ("a\x1b]0;unfinished", "a"),
    ("a\x1b", "a"),
    ("a\x07\x08\x00b", "ab"),
    ("over\rwritten", "overwritten"),
    ("a\x1b(0b", "ab"),  # another character set
    ("abc\u202edcba", "abcdcba"),  # shown backwards
    ("a\u2066b\u2069", "ab"),
    ("a\x1b[?1049hb", "ab"),
    ("a\ud800b", "ab"),
]


@pytest.mark.parametrize("hostile, harmless", OBEYED)
def test_what_a_terminal_would_obey_is_taken_out(hostile, harmless):
    assert clean.line(hostile) == harmless
    assert clean.text(hostile) == harmless
    assert clean.cell(hostile) == harmless


def test_colours_of_a_log_line_stay_and_end_with_it():
    assert clean.line("\x1b[31mred") == "\x1b[31mred\x1b[0m"
    assert clean.line("\x1b[31mred", colour=False) == "red"


def test_colours_of_anything_else_go():
    assert clean.cell("\x1b[31mred\x1b[0m") == "red"


def test_plain_text_of_any_language_stays():
    text = "Zeile 1\tグラフ 🙂 é"

    assert clean.line(text) == text


@given(st.text())
def test_nothing_but_colours_is_left_in_a_line(text):
    left = clean.line(text)
    for colour in ("\x1b[0m",):
        left = left.replace(colour, "")

    assert not any((one < " " and one not in "\t\x1b") or "\x7f" <= one <= "\x9f" for one in left)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
    )
)
def test_json_and_yaml_hold_the_exact_value_and_nothing_that_a_terminal_obeys(value):
    item = {"value": value}
    encoded = show.compact(item)

    assert json.loads(encoded) == item
    assert clean.text(encoded) == encoded
    if "\\ud" not in encoded:  # YAML knows no lone surrogates
        as_yaml = show.yaml(item)
        assert yaml.safe_load(as_yaml) == item
        assert clean.text(as_yaml) == as_yaml
