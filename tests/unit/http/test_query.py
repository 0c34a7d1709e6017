"""A query string is taken whole and typed, or refused by the name of the parameter."""

from datetime import datetime
from typing import Annotated

import msgspec
import pytest

from onward.contract.errors import InvalidParameter
from onward.http.query import read_query


class Query(msgspec.Struct, frozen=True):
    status: tuple[str, ...] = ()
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    since: datetime | None = None
    q: str | None = None
    wait: float = 0


def test_parameters_are_typed():
    query = read_query(b"status=a&status=b&limit=7&since=2026-01-01T00:00:00Z&q=%C3%A4&wait=1.5", Query)

    assert (query.status, query.limit, query.q, query.wait) == (("a", "b"), 7, "ä", 1.5)
    assert query.since is not None


def test_no_query_means_the_defaults():
    assert read_query(b"", Query) == Query()


@pytest.mark.parametrize(
    "text, name",
    [
        (b"stauts=running", "stauts"),
        (b"limit=0", "limit"),
        (b"limit=201", "limit"),
        (b"limit=", "limit"),
        (b"limit=1&limit=2", "limit"),
        (b"wait=-inf", "wait"),
        (b"wait=nan", "wait"),
        (b"since=yesterday", "since"),
        (b"q=%00", "q"),
        (b"%00=1", "\0"),
        (b"=1", ""),
        (b"x" * 5000 + b"=1", "x" * 80),
    ],
)
def test_a_wrong_parameter_is_named(text, name):
    with pytest.raises(InvalidParameter) as refusal:
        read_query(text, Query)

    assert vars(refusal.value)["errors"][0].pointer == name


def test_a_slip_of_the_pen_is_understood():
    with pytest.raises(InvalidParameter) as refusal:
        read_query(b"stauts=running", Query)

    assert refusal.value.fix == "did you mean status?"


@pytest.mark.parametrize("text", [b"q=%ff", b"q=\xff", b"&".join([b"q=1"] * 100), b"q=%u1234%fe"])
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(InvalidParameter):
        read_query(text, Query)
