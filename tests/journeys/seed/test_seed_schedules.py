"""What the seed page says of schedules, and what others start by a signed call."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest

from onward.contract import signing
from tests.support.seed_page import Onward


def test_seed_scheduled_creates_executions_and_remembers_each_tick_after_its_end(onward: Onward) -> None:
    made = ("schedule", "create", "every-second", "--every", "1s", "--max-runs", "2", "--task", "greet")
    onward.run(*made, "-i", '{"name": "{{schedule}}"}')

    def fired() -> list[dict[str, object]]:
        return [
            one for one in onward.json("schedule", "history", "every-second") if one["outcome"] == "fired"
        ]

    ticks = onward.until(fired, lambda found: len(found) == 2)
    ended = [onward.ended(str(tick["execution_id"])) for tick in ticks]
    onward.run("schedule", "delete", "every-second")

    assert [one["output"] for one in ended] == ["hello every-second"] * 2
    assert {(one["source"], one["origin"]) for one in ended} == {("schedule", "every-second")}
    assert len({tick["tick"] for tick in ticks}) == 2
    assert len(fired()) == 2
    assert onward.json("schedule", "list") == []


def test_seed_scheduled_by_cron_says_when_and_is_paused_triggered_and_backfilled(onward: Onward) -> None:
    nightly = ("schedule", "create", "nightly", "--cron", "0 2 * * *", "--zone", "Europe/Berlin")
    onward.run(*nightly, "--task", "greet", "-i", '{"name": "{{date}}"}')
    shown = onward.json("schedule", "get", "nightly")
    following = onward.json("schedule", "next", "nightly")
    onward.run("schedule", "pause", "nightly", "--reason", "the database moves")
    triggered = onward.run("schedule", "trigger", "nightly").strip()
    counted = onward.json("schedule", "backfill", "nightly", "--since", "50h")
    onward.run("schedule", "backfill", "nightly", "--since", "50h", "--rate", "600", "--yes")

    def backfilled() -> list[dict[str, object]]:
        return [one for one in onward.json("schedule", "history", "nightly") if one["cause"] == "backfill"]

    assert shown["words"] == "At 02:00 every day (Europe/Berlin)"
    assert len(following) == 10
    assert all("T02:00:00+0" in tick["local"] for tick in following)
    assert onward.ended(triggered)["status"] == "completed"
    assert counted["count"] in {2, 3}
    assert len(onward.until(backfilled, lambda found: len(found) == counted["count"])) == counted["count"]
    onward.run("schedule", "delete", "nightly")


def test_seed_source_is_recorded_for_a_signed_call_of_a_webhook(onward: Onward) -> None:
    created = ("webhook", "create", "greeted", "--task", "greet", "-i", '{"name": "{{body.who}}"}')
    secret = onward.run(*created).strip()
    body, now = json.dumps({"who": "Eve"}).encode(), datetime.now(UTC)
    headers = {
        "content-type": "application/json", "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signing.sign(secret, "msg_1", now, body),
    }  # fmt: skip
    address = onward.variables["ONWARD_URL"] + "/api/v1/webhooks/greeted"

    def call(sent: bytes) -> dict[str, object]:
        with urllib.request.urlopen(urllib.request.Request(address, sent, headers)) as answer:
            return dict(json.loads(answer.read()))

    first, second = call(body), call(body)

    ended = onward.ended(str(first["execution_id"]))
    assert (ended["output"], ended["source"], ended["origin"]) == ("hello Eve", "webhook", "greeted")
    assert second == {**first, "duplicate": True}
    with pytest.raises(urllib.error.HTTPError, match="404"):
        call(body + b" ")
