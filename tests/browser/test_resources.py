"""The pages of resources, schedules, keys and the audit, as a person uses them."""

import csv
import io
import json
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.seed_page import Onward

EVIL = "<img src=x onerror=\"document.title='run'\">"


def test_a_resource_is_made_edited_beside_somebody_else_and_deleted(visit: Visit, onward: Onward) -> None:
    page = visit.go("/environments")
    page.get_by_role("button", name="New environment").click()
    page.get_by_label("name *").fill("page-lab")
    page.get_by_label("variables").fill("REGION=eu\nTIER=1")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Edit page-lab").click()
    expect(page.get_by_label("variables")).to_have_value(re.compile("REGION=eu"))

    onward.rest("PATCH", "/environments/page-lab", {"labels": {"tier": "1"}})
    page.get_by_label("description").fill(EVIL)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Keep mine").click()
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_role("row", name=re.compile("page-lab")).get_by_text("onerror")).to_be_visible()
    kept = onward.rest("GET", "/environments/page-lab")
    assert (kept["labels"], kept["description"]) == ({"tier": "1"}, EVIL)

    page.get_by_role("button", name="Delete page-lab").click()
    page.get_by_label("Write its name to delete it").fill("page-lab")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("row", name=re.compile("page-lab"))).to_have_count(0)
    # What somebody does by the page is in the audit, and nothing of it is run.
    audit = visit.go("/audit?kind=environment")
    expect(audit.get_by_text("onerror").first).to_be_visible(timeout=40_000)
    assert audit.title() != "run"
    visit.refused(412)


def test_a_refusal_is_shown_at_its_field(visit: Visit, onward: Onward) -> None:
    page = visit.go("/schedules")
    page.get_by_role("button", name="New schedule").click()
    page.get_by_label("name *").fill("page-wrong")
    page.get_by_label("cron").fill("99 * * * *")
    page.get_by_label("submission").fill('{"task": "greet"}')
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.locator("#field-cron-wrong")).to_be_visible()
    visit.refused(400)


def test_a_schedule_tells_in_words_when_it_is_due_and_what_became_of_it(visit: Visit, onward: Onward) -> None:
    schedule = {"name": "page-nightly", "cron": "0 3 * * *", "zone": "Europe/Berlin"}
    onward.rest("POST", "/schedules", {**schedule, "submission": {"task": "greet"}})
    page = visit.go("/schedules")
    page.get_by_role("button", name="▸ page-nightly").click()

    expect(page.locator(".below tbody").first.get_by_role("row")).to_have_count(10)
    row = page.locator("#page-nightly")
    row.get_by_role("button", name="Run now").click()
    page.get_by_role("dialog").get_by_role("button", name="Run now").click()
    expect(page.locator(".below .tick")).to_have_count(1, timeout=30_000)
    row.get_by_role("button", name="Pause").click()
    page.get_by_label("Why").fill("holidays")
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(row.get_by_text("holidays")).to_be_visible()
    page.goto("about:blank")  # or it asks for what is gone
    onward.rest("DELETE", "/schedules/page-nightly")


def test_a_schedule_is_previewed_before_it_is_saved(visit: Visit, onward: Onward) -> None:
    page = visit.go("/schedules")
    page.get_by_role("button", name="New schedule").click()
    page.get_by_label("name", exact=False).first.fill("page-planned")
    page.locator("[name='/cron']").fill("0 3 * * *")
    page.locator("[name='/submission']").fill('{"task": "greet"}')

    preview = page.get_by_role("status", name="Preview")
    expect(preview.get_by_text("At 03:00 every day")).to_be_visible()
    expect(preview.locator("tbody tr")).to_have_count(10)
    assert onward.rest("GET", "/schedules?q=page-planned")["items"] == []


def test_a_key_is_shown_once_and_works_until_it_is_revoked(visit: Visit, onward: Onward) -> None:
    page = visit.go("/keys")
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Name").fill("page-ci")
    page.get_by_role("button", name="Make it").click()
    key = page.locator(".once").inner_text()
    page.get_by_role("button", name="I have it").click()

    assert onward.rest("GET", "/executions?limit=1", Authorization=f"Bearer {key}")["items"] is not None
    expect(page.locator(".once")).to_have_count(0)
    page.get_by_role("button", name="Revoke page-ci").click()
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_role("row", name=re.compile("page-ci")).get_by_text("revoked")).to_be_visible()
    assert key not in page.content()


def test_the_audit_that_is_shown_is_taken_away_as_a_file(
    visit: Visit, onward: Onward, tmp_path: Path
) -> None:
    onward.rest("POST", "/environments", {"name": "page-audited", "description": "=cmd|' /C calc'!A0"})
    page = visit.go("/audit?kind=environment&name=page-audited")
    expect(page.locator("tbody tr")).to_have_count(1)

    for form in ("CSV", "NDJSON"):
        with page.expect_download() as taken:
            page.get_by_role("link", name=f"audit {form}").click()
        taken.value.save_as(tmp_path / form)

    (row,) = csv.DictReader(io.StringIO((tmp_path / "CSV").read_text()))
    (line,) = (tmp_path / "NDJSON").read_text().splitlines()
    assert (row["action"], row["name"]) == ("environment.created", "page-audited")
    assert json.loads(row["after"]) == json.loads(line)["after"]


def test_who_may_do_what_is_asked_of_all_policies_that_apply(visit: Visit, onward: Onward) -> None:
    module = """package page

deny contains {"rule": "no_gold", "message": sprintf("not for %v", [input.who])} if input.labels.tier == "gold"
"""
    onward.rest("POST", "/policies", {"name": "page-gold", "task": "seed_done", "module": module})
    page = visit.go("/policies")
    page.get_by_text("Who may do what?").click()
    ask = page.get_by_role("button", name="Ask the policies")
    page.get_by_label("Who", exact=True).fill("key:eve")
    page.get_by_label("Task", exact=True).fill("seed_done")

    ask.click()
    expect(page.get_by_text("✓ Allowed")).to_be_visible()
    expect(page.get_by_text("by page-gold")).to_be_visible()
    page.get_by_label("Labels").fill("tier=gold")
    ask.click()

    expect(page.get_by_text("✕ Denied")).to_be_visible()
    expect(page.get_by_text("page-gold (rule no_gold): not for key:eve")).to_be_visible()
    onward.rest("DELETE", "/policies/page-gold")


def test_the_record_of_the_audit_is_verified_on_the_page(visit: Visit, onward: Onward) -> None:
    page = visit.go("/audit")
    page.get_by_role("button", name="Verify the record").click()

    expect(page.get_by_text("Nothing was changed, removed or put in between")).to_be_visible()
