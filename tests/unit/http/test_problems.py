"""Every refusal is problem+json, with a stable code, and without anything from the inside."""

import logging

import msgspec
import pytest
from litestar.exceptions import ClientException, MethodNotAllowedException, NotFoundException

from onward.contract import errors
from onward.contract.errors import InvalidInput, Misconfigured, OnwardError, StoreFull, Unauthorized
from onward.http.problems import FieldError, Problem, blaming, to_answer


def shown(error: Exception) -> tuple[int, dict[bytes, bytes], Problem]:
    status, headers, body = to_answer(error, {"path": "/here"}, "0af7")
    return status, dict(headers), msgspec.json.decode(body, type=Problem)


@pytest.mark.parametrize(
    "kind", [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, OnwardError)]
)
def test_every_error_of_the_tree_has_a_title_of_its_own(kind):
    status, headers, problem = shown(
        kind("what happened", fix="what to do") if kind is not errors.FenceLost else kind("x")
    )

    assert problem.title
    assert not problem.title.endswith(".")
    assert (status, problem.code) == (kind.status, kind.code)
    assert headers[b"content-type"] == b"application/problem+json"


def test_a_problem_says_what_why_where_and_what_to_do():
    error = blaming(InvalidInput("it does not fit", fix="mend it"), FieldError("/input/a", "no number"))

    _, _, problem = shown(error)

    assert (problem.detail, problem.hint, problem.instance, problem.trace_id) == (
        "it does not fit",
        "mend it",
        "/here",
        "0af7",
    )
    assert problem.errors == (FieldError("/input/a", "no number"),)


def test_a_refusal_for_now_says_when_to_come_back():
    assert shown(StoreFull("full", retry_after=29.2))[1][b"retry-after"] == b"30"


def test_a_missing_key_says_how_to_bring_one():
    assert shown(Unauthorized("no key"))[1][b"www-authenticate"].startswith(b"Bearer")


def test_what_broke_inside_stays_inside(caplog):
    with caplog.at_level(logging.ERROR):
        status, _, problem = shown(RuntimeError("password=hunter2 in /srv/secret"))

    assert (status, problem.code) == (500, "internal_error")
    assert "hunter2" not in msgspec.json.encode(problem).decode()
    assert "hunter2" in caplog.text


def test_an_unknown_address_is_a_problem():
    assert shown(NotFoundException())[2].code == "not_found"


def test_a_wrong_method_names_the_right_ones():
    status, headers, problem = shown(MethodNotAllowedException(headers={"allow": "GET, POST"}))

    assert (status, problem.code, headers[b"allow"]) == (405, "method_not_allowed", b"GET, POST")


def test_a_request_that_the_framework_refuses_is_a_bad_request():
    assert shown(ClientException("Invalid host header"))[2].code == "bad_request"


def test_an_endless_address_is_cut_short():
    _, _, body = to_answer(Misconfigured("x"), {"path": "/" + "a" * 5000}, None)

    assert len(body) < 600


def test_a_refusal_that_begins_with_a_member_names_it_in_its_errors():
    _, _, problem = shown(errors.InvalidBody("/cron: '99 * * * *': bad minute"))
    _, _, plain = shown(errors.InvalidBody("it is too late: 12:00"))

    assert [(one.pointer, one.detail) for one in problem.errors] == [("/cron", "'99 * * * *': bad minute")]
    assert list(plain.errors) == []
