"""Only a known, unrevoked key opens a door, and a door is closed unless it says otherwise."""

from datetime import UTC, datetime
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.contract.errors import Forbidden, InvalidName, Unauthorized
from onward.contract.keys import SCOPES, covers
from onward.http.auth import PUBLIC, SCOPE, KeyRing, authenticated, new_key
from onward.http.load import Load
from onward.http.problems import Overloaded

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ring_of(*specs):
    known = {(spec.project, spec.id): spec for spec in specs}
    return KeyRing(lambda project, public_id: known.get((project, public_id)))


def bearer(key: str) -> bytes:
    return f"Bearer {key}".encode()


def test_a_key_says_who_calls():
    key, spec = new_key("default", now=NOW, name="ci")

    who = ring_of(spec).verify(bearer(key))

    assert (who.project, who.key_id, who.actor) == ("default", spec.id, "key:ci")


def test_what_is_stored_of_a_key_does_not_open_anything():
    key, spec = new_key("default", now=NOW)

    assert key.rpartition("_")[2] not in msgspec.json.encode(spec).decode()
    with pytest.raises(Unauthorized):
        ring_of(spec).verify(bearer(spec.sha256))


def test_two_keys_are_never_alike():
    assert len({new_key("default", now=NOW)[0] for _ in range(100)}) == 100


@pytest.mark.parametrize("project", ["a_b", "a_b_c", "x-1_", "0"])
def test_a_project_with_underscores_is_read_in_one_way_only(project):
    key, spec = new_key(project, now=NOW)

    assert ring_of(spec).verify(bearer(key)).project == project


def test_a_revoked_key_opens_nothing():
    key, spec = new_key("default", now=NOW)

    with pytest.raises(Unauthorized, match="revoked"):
        ring_of(msgspec.structs.replace(spec, revoked=True)).verify(bearer(key))


def test_a_key_filed_under_another_project_or_id_opens_nothing():
    key, spec = new_key("default", now=NOW)

    for wrong in (msgspec.structs.replace(spec, project="other"), msgspec.structs.replace(spec, id="a" * 12)):
        with pytest.raises(Unauthorized):
            KeyRing(lambda _project, _id, wrong=wrong: wrong).verify(bearer(key))


def test_one_wrong_letter_is_a_wrong_key():
    key, spec = new_key("default", now=NOW)
    ring = ring_of(spec)

    for at in range(3, len(key)):
        wrong = key[:at] + ("a" if key[at] != "a" else "b") + key[at + 1 :]
        with pytest.raises(Unauthorized):
            ring.verify(bearer(wrong))


KEY, SPEC = new_key("default", now=NOW, random=lambda n: bytes(range(n)))


@pytest.mark.parametrize(
    "header",
    [
        None, b"", b"Bearer", b"Bearer ", b"Basic " + KEY.encode(), KEY.encode(), bearer(KEY) + b"x", bearer(KEY[:-1]),
        bearer(KEY + "\n"), bearer(KEY.upper()), b"Bearer " + b"ow_" + b"x" * 100_000, bearer("ow_*_>_x"), b"\xff\xfe",
    ],
)  # fmt: skip
def test_anything_else_is_refused(header):
    with pytest.raises(Unauthorized) as refusal:
        ring_of(SPEC).verify(header)

    assert refusal.value.fix


@given(st.binary(max_size=200))
def test_no_header_breaks_the_ring(header):
    with pytest.raises(Unauthorized):
        ring_of(SPEC).verify(header)


def test_no_key_is_made_for_a_project_that_is_no_name():
    with pytest.raises(InvalidName):
        new_key("a.b", now=NOW)


async def door(opt, *, client="10.1.2.3", headers=(), load=None, kind="http", methods=("GET",)):
    reached = []

    async def app(scope, receive, send):
        reached.append(scope["state"]["call"].principal)

    scope = {
        "type": kind, "headers": list(headers), "client": (client, 1), "path": "/x",
        "route_handler": SimpleNamespace(opt=opt, http_methods=methods),
    }  # fmt: skip
    sent = []

    async def send(message):
        sent.append(message)

    await authenticated(app, ring_of(SPEC), load or Load())(scope, None, send)
    return reached, sent


async def test_a_route_that_says_nothing_needs_a_key():
    with pytest.raises(Unauthorized):
        await door({})


@pytest.mark.parametrize("public", [1, "yes", "true", [True], "LOOPBACK"])
async def test_only_the_very_flag_opens_a_route(public):
    with pytest.raises(Unauthorized):
        await door({PUBLIC: public})


async def test_a_key_opens_a_route():
    reached, _ = await door({}, headers=[(b"authorization", bearer(KEY))])

    assert reached[0].project == "default"


async def test_a_public_route_opens_without_a_key():
    assert (await door({PUBLIC: True}))[0] == [None]


@pytest.mark.parametrize(
    "client, headers, open_",
    [
        ("127.0.0.1", [], True),
        ("127.8.9.1", [], True),
        ("::1", [], True),
        ("10.0.0.1", [], False),
        ("localhost.example", [], False),
        ("", [], False),
        ("127.0.0.1", [(b"x-forwarded-for", b"127.0.0.1")], False),
        ("127.0.0.1", [(b"forwarded", b"for=127.0.0.1")], False),
    ],
)
async def test_a_loopback_route_opens_for_this_machine_only(client, headers, open_):
    if open_:
        assert (await door({PUBLIC: "loopback"}, client=client, headers=headers))[0] == [None]
    else:
        with pytest.raises(Unauthorized):
            await door({PUBLIC: "loopback"}, client=client, headers=headers)


async def test_a_socket_without_a_key_is_closed_before_it_is_open():
    reached, sent = await door({}, kind="websocket")

    assert reached == []
    assert sent == [{"type": "websocket.close", "code": 4401, "reason": "unauthorized"}]


async def test_overload_spares_the_routes_that_tell_of_it():
    busy = Load(most=0)
    busy.in_flight = 1

    assert (await door({PUBLIC: True}, load=busy))[0] == [None]
    with pytest.raises(Overloaded):
        await door({}, load=busy, headers=[(b"authorization", bearer(KEY))])


@pytest.mark.parametrize("opt, methods", [({}, ("POST",)), ({}, ()), ({SCOPE: "root"}, ("GET",))])
async def test_a_route_that_changes_something_and_names_no_scope_opens_to_nobody(opt, methods):
    with pytest.raises(Forbidden):
        await door(opt, methods=methods, headers=[(b"authorization", bearer(KEY))])


@given(st.text(max_size=20), st.text(max_size=20))
def test_only_known_scopes_cover_anything(scope, needed):
    assert covers(scope, needed) == (
        scope in SCOPES and needed in SCOPES and SCOPES.index(scope) >= SCOPES.index(needed)
    )
