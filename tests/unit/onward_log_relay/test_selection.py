import msgspec
import pytest

from onward.contract import lines as li
from onward_log_relay.selection import Selection
from tests.support.log_relay import LogBuilder

LEVELS = ["info", "error", "warning", "debug", "critical"]


@pytest.fixture
def head():
    log = LogBuilder()
    log.chunk(*["before"] * 10)
    return li.head(log.chunk("a", "b match", "c", "d match", "é\t", levels=LEVELS))


def texts(picked):
    assert [line["line"] for line in msgspec.json.decode(picked.array())] == [n for n, _ in picked.each()]
    return [msgspec.json.decode(line)["text"] for _, line in picked.each()]


def test_a_chunk_wanted_whole_is_passed_on_as_it_is_stored(head):
    picked = Selection().pick(head, 10)
    assert picked.array() == bytes(head.lines)
    assert (picked.upto, picked.count) == (15, 5)
    assert [n for n, _ in picked.each()] == [11, 12, 13, 14, 15]


def test_lines_the_reader_has_are_left_out(head):
    assert texts(Selection().pick(head, 12)) == ["c", "d match", "é\t"]


@pytest.mark.parametrize(
    "level, grep, after, wanted",
    [
        ("warning", None, 0, ["b match", "c", "é\t"]),
        ("critical", None, 0, ["é\t"]),
        ("debug", None, 0, ["a", "b match", "c", "d match", "é\t"]),
        (None, "match", 0, ["b match", "d match"]),
        ("error", "match", 0, ["b match"]),
        (None, "é", 0, ["é\t"]),
        (None, ".*", 0, []),
        ("error", None, 12, ["é\t"]),
    ],
)
def test_only_lines_of_the_selection_are_picked(head, level, grep, after, wanted):
    picked = Selection(level, grep).pick(head, after)
    assert texts(picked) == wanted
    assert picked.upto == 15


def test_a_chunk_without_the_level_is_not_looked_into():
    log = LogBuilder()
    chunk = msgspec.structs.replace(li.head(log.chunk("a", "b")), lines=msgspec.Raw(b"not even JSON"))
    assert Selection("error").pick(chunk, 0).count == 0


def test_at_most_so_many_end_with_the_last_one_kept(head):
    picked = Selection().pick(head, 0).at_most(2)
    assert texts(picked) == ["a", "b match"]
    assert picked.upto == 12
    assert Selection().pick(head, 0).at_most(5).count == 5


def test_a_marker_stands_for_lines_that_are_gone(head):
    marker = Selection().marker(head, 4)
    (number, line) = marker.each()[0]
    shown = msgspec.json.decode(line, type=li.Line)
    assert number == shown.line == 10
    assert shown.stream == "system"
    assert "lines 5 to 10" in shown.text
    assert Selection("warning").marker(head, 4) is not None
    assert Selection("error").marker(head, 4) is None
    assert Selection(grep="x").marker(head, 4) is None
