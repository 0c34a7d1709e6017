"""Alerts and channels over REST: secrets never come out, rules are held to what can be, acts name who did them."""

import json
from datetime import timedelta

import msgspec
import pytest

from onward.contract import subjects
from onward.contract.alerts import AlertSpec, ChannelSpec

HOOK = {"name": "ops", "kind": "webhook", "url": "https://example.com/hook"}
SECRET = "whsec_" + "QUJD" * 10


@pytest.fixture
async def channel(house):
    assert (await house.call("POST", "/api/v1/channels", HOOK)).status == 201


async def asked_of(house, query, answer):
    """What execution_state is asked, which answers so."""
    questions = []

    async def reply(_subject, data):
        questions.append(json.loads(data))
        return msgspec.json.encode(answer)

    await house.state.process.messages.subscribe(subjects.ask("state", query), reply)
    return questions


async def test_a_secret_is_never_shown_again(house):
    made = await house.call("POST", "/api/v1/channels", {**HOOK, "secret": SECRET})
    rotated = (await house.call("POST", "/api/v1/channels/ops/rotate-secret")).json
    answers = [
        made,
        await house.call("GET", "/api/v1/channels"),
        await house.call("GET", "/api/v1/channels/ops"),
        await house.call("PATCH", "/api/v1/channels/ops", {"description": "on call"}),
        await house.call("PUT", "/api/v1/channels/ops", {"url": "https://example.com/other"}),
    ]
    stored = house.spec(ChannelSpec, "ops")
    assert (stored.secret, stored.previous_secret) == (rotated["secret"], SECRET)
    for answer in answers:
        assert answer.status in {200, 201}
        assert "whsec_" not in json.dumps(answer.json)
    assert (answers[-1].json["signed"], answers[-1].json["changing_over"]) == (True, True)


async def test_a_webhook_without_a_secret_is_given_one(house, channel):
    assert house.spec(ChannelSpec, "ops").secret.startswith("whsec_")


async def test_an_alert_tells_channels_that_are_there_and_these_are_not_deleted_meanwhile(house, channel):
    nowhere = await house.call("POST", "/api/v1/alerts", {"name": "a", "channels": ["nobody"]})
    made = await house.call("POST", "/api/v1/alerts", {"name": "a", "channels": ["ops"]})
    kept = await house.call("DELETE", "/api/v1/channels/ops")
    assert (nowhere.json["errors"][0]["pointer"], made.status, kept.code) == ("/channels", 201, "still_used")
    assert (await house.call("DELETE", "/api/v1/alerts/a")).status == 204
    assert (await house.call("DELETE", "/api/v1/channels/ops")).status == 204


async def test_a_rule_that_can_never_fire_is_refused(house):
    refused = await house.call("POST", "/api/v1/alerts", {"name": "a", "when": "failure_rate", "above": 20})
    unknown = await house.call("POST", "/api/v1/alerts", {"name": "a", "when": "doomsday"})
    assert (refused.code, unknown.code) == ("invalid_body", "invalid_body")


async def test_an_alert_is_muted_for_a_while_by_somebody_and_tells_again(house):
    await house.call("POST", "/api/v1/alerts", {"name": "a"})
    muted = await house.call("POST", "/api/v1/alerts/a/mute", {"seconds": 3600})
    spec = house.spec(AlertSpec, "a")
    assert muted.json["muted_until"] is not None
    assert spec.muted_by.startswith("key:")
    assert spec.muted_until - spec.updated_at == timedelta(hours=1)
    for wrong in ({}, {"seconds": 1, "until": "2026-01-01T00:00:00Z"}, {"until": "2026-01-01T00:00:00"}):
        assert (await house.call("POST", "/api/v1/alerts/a/mute", wrong)).status == 400
    assert (await house.call("POST", "/api/v1/alerts/a/unmute")).json == {"name": "a", "muted_until": None}
    assert (house.spec(AlertSpec, "a").muted_until, house.spec(AlertSpec, "a").muted_by) == (None, None)


async def test_incidents_and_deliveries_are_asked_of_the_callers_project(house):
    page = {"items": [], "next_cursor": None}
    incidents = await asked_of(house, "incidents", page)
    deliveries = await asked_of(house, "deliveries", page)
    await house.call("GET", "/api/v1/alerts/a/incidents?open=true&limit=5")
    await house.call("GET", "/api/v1/channels/ops/deliveries?status=failed")
    assert incidents == [{"project": "default", "of": "a", "open": True, "cursor": None, "limit": 5}]
    assert deliveries == [
        {"project": "default", "of": "ops", "status": "failed", "cursor": None, "limit": 50}
    ]
    assert (await house.call("GET", "/api/v1/incidents?opened=true")).code == "invalid_parameter"


async def test_a_channel_that_is_not_there_has_no_acts(house):
    for verb in ("enable", "rotate-secret"):
        assert (await house.call("POST", f"/api/v1/channels/nobody/{verb}")).status == 404
    assert (await house.call("POST", "/api/v1/alerts/nobody/mute", {"seconds": 1})).status == 404


async def test_a_channel_shows_how_it_does(house, channel):
    at = "2026-01-01T12:00:00Z"
    health = {"channel": "ops", "failing_since": at, "disabled_at": at, "why": "it answers 410"}
    await asked_of(house, "channels", [health])
    shown = (await house.call("GET", "/api/v1/channels/ops")).json
    assert (shown["failing_since"], shown["disabled_at"]) == (at, at)
    assert shown["disabled_because"] == "it answers 410"


async def test_the_address_of_a_slack_channel_is_a_secret_too_and_may_be_given_back_as_it_is_shown(house):
    url = "https://hooks.slack.com/services/T0/B0/s3cret"
    made = await house.call("POST", "/api/v1/channels", {"name": "chat", "kind": "slack", "url": url})
    again = {"kind": "slack", "url": made.json["url"], "description": "on call"}
    changed = await house.call("PUT", "/api/v1/channels/chat", again)
    assert made.json["url"] == changed.json["url"] == "https://hooks.slack.com/…"
    assert house.spec(ChannelSpec, "chat").url == url
