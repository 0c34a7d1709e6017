"""Large values: what is a reference, and what nobody's own value may look like."""

import msgspec
import pytest

from onward.contract import subjects, values

EXECUTION = "0190a0b0-0000-7000-8000-000000000001"
NAME = subjects.object_name("default", EXECUTION, "ab" * 32)


def test_a_reference_is_read_back_in_whatever_order_a_store_spells_it():
    raw = values.reference(NAME, 300_000)
    turned = msgspec.Raw(b'{"bytes": 300000, "$onward_object": "%b"}' % NAME.encode())
    assert values.referred(raw) == values.referred(turned) == values.Reference(object=NAME, bytes=300_000)


@pytest.mark.parametrize(
    "text", [b"null", b"{}", b'"$onward_object"', b'{"a":{"$onward_object":"x","bytes":1}}', b"[1]"]
)
def test_any_other_value_stands_for_itself(text):
    assert values.referred(msgspec.Raw(text)) is None
    assert not values.looks_reserved(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"$onward_object":1}',
        b' \n{"a":1,"$onward_object":null}',
        b'{"\\u0024onward_object":"x"}',
        b'{"a":"%b","$onward_object":{}}' % (b"x" * 300_000),
    ],
)
def test_a_value_with_the_reserved_member_is_known_however_it_is_spelled(text):
    assert values.looks_reserved(text)


def test_a_reference_belongs_to_one_execution_of_one_project():
    found = values.Reference(object=NAME, bytes=1)
    assert found.belongs_to("default", EXECUTION)
    assert not found.belongs_to("other", EXECUTION)
    assert not found.belongs_to("default", EXECUTION.replace("1", "2"))
    assert not values.Reference(object="default..x", bytes=1).belongs_to("default", "")
