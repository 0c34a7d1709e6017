"""Events of a type that this release does not know."""

import msgspec

from onward.contract import events as ev
from onward.contract.lifecycle import advance
from tests.support.builders import ROUTE, execution


def unknown(n: int, **fields) -> ev.Unknown:
    raw_event = msgspec.json.encode({
        "type": "unheard_of", "id": "x", "project": "default", "execution_id": "e", "n": n,
        "at": "2026-01-01T00:00:00Z", "routes": [ROUTE], **fields,
    })  # fmt: skip
    return ev.decode(raw_event)


def test_an_event_of_an_unknown_type_takes_its_place_and_changes_nothing_else():
    before = execution(ev.Started)
    after = advance(before, unknown(3))
    assert after == msgspec.structs.replace(before, n=3)


def test_a_route_that_an_unknown_event_brings_is_remembered():
    state = advance(execution(ev.Started), unknown(3, routes=[ROUTE, "gpu.high"], wake="gpu.high"))
    assert state.routes == (ROUTE, "gpu.high")
