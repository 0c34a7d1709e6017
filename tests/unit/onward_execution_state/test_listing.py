import uuid
from datetime import UTC, datetime

import msgspec
import pytest

from onward.contract.errors import InvalidParameter
from onward_execution_state.listing import ListQuestion, Narrowed, arguments, cursor_after, id_range

ID = uuid.UUID("019ca947-98c5-7bb7-a42a-0389edf1b8d2")


def question(**fields):
    return msgspec.convert({"project": "default", **fields}, ListQuestion)


def test_a_cursor_names_the_place_it_was_made_of():
    at = datetime(2026, 3, 1, 12, 0, 0, 123457, tzinfo=UTC)

    asked = arguments(question(cursor=cursor_after(at, ID)))

    assert asked[17:19] == (at, ID)


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!", "MTIz", "bm90OmFuaWQ", "OTk5OTk5OTk5OTk5OTk5OTk5OTk6MQ", "\u00fc"]
)
def test_a_made_up_cursor_is_refused(cursor):
    with pytest.raises(InvalidParameter):
        arguments(question(cursor=cursor))


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_has_1_to_200(limit):
    with pytest.raises(InvalidParameter):
        arguments(question(limit=limit))


@pytest.mark.parametrize(
    "status, only_open, ended_badly",
    [
        ([], False, None),
        (["running"], True, None),
        (["pending", "running"], True, None),
        (["failed"], False, ["failed"]),
        (["running", "failed"], False, None),
        (["completed"], False, None),
    ],
)
def test_statuses_are_said_in_the_words_of_the_indexes(status, only_open, ended_badly):
    asked = arguments(question(status=status))

    assert (asked[2], asked[3]) == (only_open, ended_badly)


def test_an_unknown_filter_or_status_is_refused():
    for wrong in ({"colour": "red"}, {"status": ["sleeping"]}):
        with pytest.raises(msgspec.ValidationError):
            question(**wrong)


def test_labels_have_to_hold_all():
    assert arguments(question(label=["a=1", "b=x=y"]))[11] == '{"a":"1","b":"x=y"}'


@pytest.mark.parametrize("label", ["a", "=1", ""])
def test_a_label_without_a_value_is_refused(label):
    with pytest.raises(InvalidParameter):
        arguments(question(label=[label]))


def test_a_prefix_is_a_range_of_ids():
    low, high = id_range("019CA947-98")

    assert (str(low), str(high)) == (
        "019ca947-9800-0000-0000-000000000000",
        "019ca947-98ff-ffff-ffff-ffffffffffff",
    )
    assert id_range(str(ID)) == (ID, ID)


@pytest.mark.parametrize("prefix", ["", "-", "xyz", "0" * 33, "01 2"])
def test_what_no_id_begins_with_is_refused(prefix):
    with pytest.raises(InvalidParameter):
        id_range(prefix)


def test_a_search_that_is_no_prefix_looks_in_names_only():
    assert arguments(question(q="report"))[14:17] == ("report", None, None)


def test_combinations_take_the_place_of_the_filters_they_stand_for():
    asked = arguments(question(task="train", q="rain", environment="prod"), Narrowed(facets=[7]))
    as_id = arguments(question(q="019"), Narrowed(like_q=[7]))

    assert (asked[4:9], asked[14], asked[23:25]) == ((None,) * 5, None, ([7], None))
    assert (as_id[14], as_id[15] is not None, as_id[23:25]) == (None, True, (None, [7]))
    assert arguments(question(task="train", q="rain"), Narrowed())[4] == "train"
