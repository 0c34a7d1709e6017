"""The page of figures, as a person reads it: filtered, drilled into, and taken away as a file."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.seed_page import Onward


@pytest.fixture(scope="module")
def counted(onward: Onward) -> str:
    """The id of a `fails_to_count` that is counted as failed; nothing else here submits that task."""
    failed = onward.submit("fails_to_count", {"text": "figure it out"}, retry={"attempts": 1})
    onward.ended(failed)
    onward.until(
        lambda: onward.rest("GET", "/analytics/summary?task=fails_to_count")["figures"],
        lambda seen: seen["failed"],
    )
    return failed


def test_seed_dashboard_filters_drill_down_and_export(visit: Visit, counted: str, tmp_path: Path) -> None:
    page = visit.go("/analytics?period=1h")
    for title in ("Throughput", "Success rate", "Duration", "Queue wait", "Utilisation"):
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    page.get_by_role("button", name="fails_to_count", exact=True).click()

    expect(page.get_by_role("link", name="✕ 1", exact=True)).to_be_visible()
    assert parse_qs(urlparse(page.url).query)["task"] == ["fails_to_count"]
    with page.expect_download() as taken:
        page.get_by_role("link", name="breakdown JSON").click()
    taken.value.save_as(tmp_path / "breakdown.json")
    items = json.loads((tmp_path / "breakdown.json").read_text())["items"]
    assert [(one["name"], one["figures"]["failed"]) for one in items] == [("fails_to_count", 1)]
    page.get_by_text("Ended, by minute, as a table").click()
    expect(page.locator(".chart details[open] tbody tr")).to_have_count(1)

    page.get_by_role("link", name="✕ 1", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator(f'a[href="/x/{counted}"]')).to_be_visible()


def test_the_hours_of_the_week_lead_to_the_lists_they_count(visit: Visit, counted: str) -> None:
    page = visit.go("/analytics?task=fails_to_count&heat=failed")
    cell = page.locator(".heat td a")
    expect(cell).to_have_text(re.compile("1"))
    cell.click()

    expect(page.locator(f'a[href="/x/{counted}"]')).to_be_visible()


def test_all_of_one_error_are_counted_retried_and_followed(visit: Visit, onward: Onward) -> None:
    failed = [onward.submit("broken", retry={"attempts": 1}) for _ in range(2)]
    fingerprint = {onward.ended(one)["error"]["fingerprint"] for one in failed}.pop()
    listed = f"/error-groups/{fingerprint}"
    onward.until(
        lambda: onward.rest("GET", "/error-groups")["items"],
        lambda seen: [one for one in seen if one["fingerprint"] == fingerprint and one["count"] >= 2],
    )
    onward.until(lambda: onward.rest("GET", listed)["open"], lambda count: count >= 2)

    page = visit.go(f"/errors?open={fingerprint}")
    page.get_by_role("button", name="Retry all that stand as failed").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry them").click()

    # Others of its kind may end in this moment, and be counted and retried too.
    expect(page.get_by_text(re.compile(r"Retry: completed, (\d+) of \1:"))).to_be_visible()
    for one in failed:
        kinds = [event["type"] for event in onward.rest("GET", f"/executions/{one}/events")["items"]]
        assert "retry_requested" in kinds


def test_seed_queue_capacity_is_read_and_a_queue_paused_and_limited_on_its_page(
    visit: Visit, onward: Onward
) -> None:
    onward.rest("POST", "/queues", {"name": "page-queue"})
    page = visit.go("/queues")
    row = page.locator("#page-queue")
    expect(row.get_by_text("no workers")).to_be_visible()
    row.get_by_role("button", name="Pause").click()
    page.get_by_label("Why").fill("the printer is out")
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(row.get_by_text("the printer is out")).to_be_visible()
    page.get_by_role("button", name="Edit page-queue").click()
    page.get_by_label(re.compile("max.running")).first.fill("3")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(row.get_by_text("3 at once")).to_be_visible()
    kept = onward.rest("GET", "/queues/page-queue")
    assert (kept["paused"], kept["paused_because"], kept["max_running"]) == (True, "the printer is out", 3)


def test_a_worker_is_told_its_slots_and_says_them(visit: Visit, onward: Onward) -> None:
    # Another test may have killed one; that is shown for a while.
    worker = onward.until(
        lambda: [one for one in onward.rest("GET", "/workers")["items"] if one["status"] == "listening"], bool
    )[0]
    page = visit.go("/workers")
    page.get_by_role("button", name=f"Slots {worker['worker_id']}").click()
    page.get_by_label("How many executions it runs at once").fill(str(worker["slots"] + 1))
    page.get_by_role("dialog").get_by_role("button", name="Slots").click()

    expect(page.locator(f'[id="{worker["worker_id"]}"]')).to_contain_text(f"/{worker['slots'] + 1}")
    onward.rest("POST", f"/workers/{worker['worker_id']}/slots", {"slots": worker["slots"]})
