"""A submission goes round the framework, and nobody can tell: what refuses it is the same, and says the same."""

import json

import pytest

from onward_gateway.submit import PATH

BY_THE_FRAMEWORK = PATH + "/"
"""The same route by an address that is not taken out: the framework finds it."""


@pytest.mark.parametrize(
    "asked",
    [
        {"body": b"{}"},
        {"body": b"{"},
        {"body": b'{"task": "nobody announced it"}'},
        {"body": b'{"task": "noop", "input": {}, "unknown": 1}'},
        {"body": b"{}", "key": None},
        {"body": b"{}", "headers": [(b"content-type", b"text/plain")]},
        {"body": b"{}", "headers": [(b"content-encoding", b"gzip")]},
    ],
)
async def test_a_refusal_is_the_same_on_both_ways(house, asked):
    direct = await house.call("POST", PATH, **asked)
    routed = await house.call("POST", BY_THE_FRAMEWORK, **asked)

    assert direct.status == routed.status >= 400
    assert told(direct) == told(routed)


def told(reply):
    problem = json.loads(reply.body)
    return {key: problem[key] for key in ("type", "code", "detail", "errors")}


async def test_other_methods_of_the_same_address_are_the_frameworks(house):
    assert (await house.call("GET", PATH)).status == 200
    assert (await house.call("DELETE", PATH)).status == 405


@pytest.mark.parametrize("query", ["", "?wait=0.01", "?large=reference", "?wait=61", "?unknown=1"])
async def test_a_read_by_id_is_the_same_on_both_ways(house, query):
    execution = (await house.submit())["id"]

    direct = await house.call("GET", f"{PATH}/{execution}{query}")
    routed = await house.call("GET", f"{PATH}/{execution}/{query}")

    assert (direct.status, direct.headers.get("etag")) == (routed.status, routed.headers.get("etag"))
    assert (direct.body == routed.body) if direct.status == 200 else (told(direct) == told(routed))


async def test_who_may_not_read_is_refused_on_both_ways(house):
    execution = (await house.submit())["id"]

    direct = await house.call("GET", f"{PATH}/{execution}", key=None)
    routed = await house.call("GET", f"{PATH}/{execution}/", key=None)

    assert direct.status == routed.status == 401
    assert told(direct) == told(routed)
