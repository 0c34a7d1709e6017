"""Browsers sign in with a link or a key, and change nothing that our own page has not asked for."""

from datetime import timedelta

import pytest

from onward.http.browser import COOKIE

SESSION, LINKS = "/api/v1/session", "/api/v1/sign-in-links"


def cookie_of(reply):
    assert "HttpOnly" in reply.headers["set-cookie"]
    assert "SameSite=Strict" in reply.headers["set-cookie"]
    return reply.headers["set-cookie"].partition(";")[0].encode()


async def call(house, method, path, body=None, *, cookie, csrf=None):
    headers = [(b"cookie", cookie), *([(b"x-onward-csrf", csrf.encode())] if csrf else [])]
    return await house.call(method, path, body, key=None, headers=headers)


@pytest.fixture
async def browser(house):
    """(cookie, token) of a browser that has signed in with the house's key."""
    reply = await house.call("POST", SESSION, {"key": house.key}, key=None)
    assert reply.status == 200
    return cookie_of(reply), reply.json["csrf"]


async def test_a_key_signs_a_browser_in_and_its_secret_stays_out_of_the_answer(house, browser):
    cookie, csrf = browser

    who = await call(house, "GET", SESSION, cookie=cookie)

    assert (who.status, who.json["scope"], who.json["csrf"]) == (200, "admin", csrf)
    secret = cookie.partition(b"=")[2].decode()
    assert secret != house.key
    assert secret not in who.body.decode()


async def test_a_change_with_the_cookie_needs_the_token(house, browser):
    cookie, csrf = browser
    before = house.bus.events.last

    without = await call(house, "POST", "/api/v1/executions", {"task": "noop"}, cookie=cookie)
    wrong = await call(house, "POST", "/api/v1/executions", {"task": "noop"}, cookie=cookie, csrf="0" * 64)
    assert house.bus.events.last == before
    right = await call(house, "POST", "/api/v1/executions", {"task": "noop"}, cookie=cookie, csrf=csrf)

    assert [(reply.status, reply.code) for reply in (without, wrong)] == [(403, "forbidden")] * 2
    assert right.status == 202


async def test_a_link_signs_in_once(house):
    link = (await house.call("POST", LINKS)).json["path"]
    path, _, code = link.partition("#code=")

    first = await house.call("POST", SESSION, {"code": code}, key=None)
    second = await house.call("POST", SESSION, {"code": code}, key=None)

    assert path == "/sign-in"
    assert (first.status, second.status) == (200, 401)
    assert (await call(house, "GET", "/api/v1/tasks", cookie=cookie_of(first))).status == 200


async def test_the_code_of_a_link_opens_nothing_else(house):
    code = (await house.call("POST", LINKS)).json["path"].partition("#code=")[2]

    assert (await house.call("GET", "/api/v1/tasks", key=code)).status == 403


async def test_a_link_is_good_for_five_minutes(house):
    code = (await house.call("POST", LINKS)).json["path"].partition("#code=")[2]
    house.now += timedelta(minutes=5, seconds=1)

    assert (await house.call("POST", SESSION, {"code": code}, key=None)).status == 401


async def test_a_session_has_the_scope_of_the_key_behind_it_and_falls_with_it(house):
    reader = house.add_key("default", scope="read")
    reply = await house.call("POST", SESSION, {"key": reader}, key=None)
    cookie, csrf = cookie_of(reply), reply.json["csrf"]

    refused = await call(house, "POST", "/api/v1/executions", {"task": "noop"}, cookie=cookie, csrf=csrf)
    house.revoke(reader)
    after = await call(house, "GET", "/api/v1/tasks", cookie=cookie)

    assert (refused.status, refused.code) == (403, "forbidden")
    assert after.status == 401


async def test_who_signs_out_is_out(house, browser):
    cookie, csrf = browser

    out = await call(house, "DELETE", SESSION, cookie=cookie, csrf=csrf)

    assert (out.status, "Max-Age=0" in out.headers["set-cookie"]) == (200, True)
    assert (await call(house, "GET", SESSION, cookie=cookie)).json is None
    assert (await call(house, "GET", "/api/v1/tasks", cookie=cookie)).status == 401


async def test_a_session_signs_nobody_else_in(house, browser):
    text = browser[0].partition(b"=")[2].decode()

    assert text.startswith("ow_")
    assert (await house.call("POST", SESSION, {"key": text}, key=None)).status == 401
    assert COOKIE.encode() in browser[0]


async def test_the_page_allows_no_script_but_its_own(house):
    page = await house.call("GET", "/", key=None)
    script = await house.call("GET", "/ui/app.js", key=None)

    assert (page.status, script.status) == (200, 200)
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert (await house.call("GET", "/ui/%2e%2e/app.py", key=None)).status == 404
