import pytest

from onward.contract.events import Failure
from onward.contract.fingerprint import fingerprint, fingerprint_of, shape

SAME = [
    ("order 17 is gone", "order 4711 is gone"),
    ("took 3.25 s", "took 12 s"),
    ("user 01933b1c-7e57-7000-bfff-000000000001 is unknown", "user 0a933b1c-7e57-7000-bfff-00000000abcd is unknown"),
    ("object 0x7f3ea7c0 leaked", "object 0x1 leaked"),
    ("commit 1f2e3d4c5b is missing", "commit 99aa88bb77 is missing"),
    ("cannot read /var/lib/a.txt", "cannot read /tmp/other/b.csv"),
    ("GET https://a.example/x?y=1 answered 503", "GET http://b.example:8080/ answered 502"),
    ("KeyError: 'ann'", "KeyError: 'bob'"),
    ("no mailbox ann@example.org", "no mailbox bob.b@mail.example"),
    ("two  spaces\nand lines", "two spaces and lines"),
]  # fmt: skip


@pytest.mark.parametrize("one, other", SAME)
def test_the_same_fault_with_other_data_is_one(one, other):
    assert fingerprint("ValueError", one, ["a.py:f"]) == fingerprint("ValueError", other, ["a.py:f"])


@pytest.mark.parametrize(
    "kind, message, frames",
    [
        ("TypeError", "it broke", ["a.py:f"]),
        ("ValueError", "it broke otherwise", ["a.py:f"]),
        ("ValueError", "it broke", ["a.py:g"]),
        ("ValueError", "it broke", []),
    ],
)
def test_another_type_another_place_or_another_sentence_is_another(kind, message, frames):
    assert fingerprint(kind, message, frames) != fingerprint("ValueError", "it broke", ["a.py:f"])


def test_the_end_of_a_long_message_is_data():
    assert fingerprint("E", "x " * 400 + "a") == fingerprint("E", "x " * 400 + "b")


def test_what_no_code_has_raised_has_a_fingerprint_too():
    one, other = (Failure(type="timed_out", message=f"after {s} s") for s in (3, 900))

    assert fingerprint_of(one) == fingerprint_of(other) != ""
    assert fingerprint_of(Failure(type="E", message="m", fingerprint="own")) == "own"


def test_a_message_of_any_text_has_a_shape():
    assert shape("\ud800 'half") == "\ud800 'half"
    assert len(fingerprint("E", "\ud800")) == 16
