"""Every route there is: who may use it, what it refuses, and how it is described."""

import re

import msgspec
import pytest

from onward.http.auth import PUBLIC
from onward_gateway import openapi, web
from onward_gateway.app import ROUTES
from onward_gateway.document import document
from onward_gateway.routes import OPERATION
from tests.unit.onward_gateway.test_executions import NOBODY

PAGES = {address.replace("{execution_id:str}", NOBODY): True for address in (*web.ADDRESSES, web.FILES)}
SESSION = "/api/v1/session"
OPEN = {
    "/livez": True, "/readyz": True, "/metrics": "loopback", "/api/v1/ws": True, "/ws": True, SESSION: True, **PAGES,
}  # fmt: skip
SIGNED = ("POST", "/api/v1/webhooks/noop")
"""Opens by a signature, and by nothing else."""
DOCUMENT = document(ROUTES)


def framework(app):
    """What routes, behind the doors in front of it."""
    for cell in getattr(app, "__closure__", None) or ():
        found = cell.cell_contents
        if hasattr(found, "routes"):
            return found
        if (behind := framework(found)) is not None:
            return behind
    return None


def everything(house):
    """Every method and path that the framework would answer, with an id and a name filled in."""
    for route in framework(house.app).routes:
        for handler in getattr(route, "route_handlers", None) or [route.route_handler]:
            for method in getattr(handler, "http_methods", ["GET"]):
                path = route.path.replace("{execution_id:str}", NOBODY).replace("{name:str}", "noop")
                yield str(getattr(method, "value", method)), path, handler


async def test_only_health_and_the_socket_that_asks_by_itself_open_without_a_key(house):
    opened = {path: handler.opt[PUBLIC] for _, path, handler in everything(house) if PUBLIC in handler.opt}

    assert opened == {**OPEN, SIGNED[1]: True}


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"Bearer ow_default_aaaaaaaaaaaa_" + b"a" * 43,
        b"Basic YTpi",
        b"Bearer ../livez",
        b"Bearer \xff",
    ],
)
async def test_every_other_route_refuses_who_has_no_key(house, header):
    refused = 0
    for method, path, _ in everything(house):
        headers = [] if header is None else [(b"authorization", header)]
        reply = await house.call(method, path, key=None, headers=headers)
        if (path == SESSION and method in {"GET", "POST"}) or (path in PAGES and method == "GET"):
            assert reply.status in {200, 400, 404}
            continue
        if path in OPEN and OPEN[path] is True and method == "GET":
            assert reply.status in {200, 400, 503}
            continue
        if (method, path) == SIGNED:
            assert reply.status == 415
            continue
        refused += 1
        assert (reply.status, reply.code) == (401, "unauthorized"), (method, path)
        assert reply.headers["www-authenticate"].startswith("Bearer")
    assert refused > 20


async def test_every_other_route_refuses_a_revoked_key_at_once(house):
    key = house.add_key("default")
    assert (await house.call("GET", "/api/v1/tasks", key=key)).status == 200

    house.revoke(key)

    for method, path, handler in everything(house):
        if PUBLIC not in handler.opt:
            assert (await house.call(method, path, key=key)).status == 401


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/executions/livez",
        "/api/v1/tasks/readyz",
        "/api/v1/executions/x/livez",
        "/api/v1//executions",
        "/api/v1/executions/",
    ],
)
async def test_a_path_that_looks_open_is_not(house, path):
    assert (await house.call("GET", path, key=None)).status in {401, 404}
    assert (await house.call("GET", path + "?x=/livez", key=None)).status in {401, 404}


async def test_metrics_open_to_this_machine_only(house):
    assert (await house.call("GET", "/metrics", key=None)).status == 401
    assert (await house.call("GET", "/metrics")).status == 200


async def test_before_config_has_arrived_nobody_is_called_a_stranger(house):
    house.config.ready = False

    reply = await house.call("GET", "/api/v1/tasks")

    assert (reply.status, reply.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/ui/nope.js",
        "/api/v1",
        "/api/v2/executions",
        "/api/v1/executions/x/y/z",
        "/%2e%2e/etc/passwd",
    ],
)
async def test_an_unknown_address_is_a_problem(house, path):
    reply = await house.call("GET", path)

    assert (reply.status, reply.code, reply.headers["content-type"]) == (
        404,
        "not_found",
        "application/problem+json",
    )


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "BREW"])
async def test_an_unknown_method_is_a_problem_that_names_the_known_ones(house, method):
    reply = await house.call(method, "/api/v1/executions")

    assert (reply.status, reply.code) == (405, "method_not_allowed")
    assert "POST" in reply.headers["allow"]


async def test_a_body_where_none_belongs_is_not_read(house):
    assert (await house.call("GET", "/api/v1/tasks", b"x" * 2_000_000)).code == "too_large"


@pytest.mark.parametrize(
    "path", ["/api/v1/tasks", "/api/v1/workers", "/api/v1/queues", "/api/v1/executions", "/api/v1/tasks/noop"]
)
async def test_every_list_refuses_a_parameter_that_it_does_not_know(house, path):
    reply = await house.call("GET", path + "?sort=name")

    assert (reply.status, reply.code, reply.json["errors"][0]["pointer"]) == (
        400,
        "invalid_parameter",
        "sort",
    )


async def test_an_error_inside_tells_nothing(house, caplog):
    async def broken(*_args, **_more):
        raise RuntimeError("the password is hunter2")

    house.gateway.finder.resolve = broken

    reply = await house.call("GET", f"/api/v1/executions/{NOBODY}")

    assert (reply.status, reply.code) == (500, "internal_error")
    assert b"hunter2" not in reply.body
    assert "hunter2" in caplog.text


async def test_what_is_answered_is_kept_by_no_cache_and_guessed_by_no_browser(house):
    for reply in (await house.call("GET", "/api/v1/tasks"), await house.call("GET", "/api/v1/nope")):
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-content-type-options"] == "nosniff"


def test_every_route_is_described():
    described = {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods}
    there = set()
    for handler in ROUTES:
        assert handler.opt[OPERATION].summary
        for path in handler.paths:
            for method in getattr(handler, "http_methods", ["get"]):
                there.add((re.sub(r":\w+", "", path), str(getattr(method, "value", method)).lower()))

    assert described == there


def test_every_reference_leads_somewhere():
    text = openapi.text()

    for name in re.findall(r'"#/components/schemas/([^"]+)"', text):
        assert name in DOCUMENT["components"]["schemas"]


def test_every_route_that_needs_a_key_says_that_it_refuses_without():
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            signed = (method, path) == ("post", "/api/v1/webhooks/{name}")
            assert "401" in operation["responses"] or OPEN.get(path) is True or signed, path


async def test_the_description_is_served_as_it_is_written(house):
    assert (await house.call("GET", "/api/v1/openapi.json")).body == msgspec.json.encode(DOCUMENT)


def test_the_written_description_is_that_of_the_code():
    assert openapi.main(["--check"]) == 0
