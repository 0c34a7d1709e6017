"""The page of an execution: run it again with a form made of the task's schema, its attempts, and what it came from."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.hostile import SCRIPTS
from tests.support.seed_page import Onward


def test_a_rerun_is_edited_in_a_form_of_the_tasks_schema_and_both_name_each_other(
    visit: Visit, onward: Onward
) -> None:
    first = onward.submit("talk", {"lines": 3})
    onward.ended(first)
    page = visit.go(f"/x/{first}")
    page.get_by_role("button", name="Rerun with other input").click()
    lines = page.locator("dialog [name='/lines']")
    expect(lines).to_have_value("3")

    lines.fill("2")
    page.get_by_role("button", name="Run it").click()
    expect(page.locator("dialog[open]")).to_have_count(0)

    page.goto(f"{visit.url}/x/{first}?tab=tree")
    again = page.locator(".tree li", has_text="run again as").locator("a")
    page.wait_for_selector(".tree")
    made = onward.until(
        lambda: onward.rest("GET", f"/executions?retried_from={first}")["items"], lambda found: found
    )[0]
    page.reload()
    expect(again).to_have_attribute("title", made["id"])
    assert onward.get(made["id"])["input"]["lines"] == 2
    again.click()
    expect(page.locator(".execution .head")).to_contain_text("rerun of")


def test_a_rerun_takes_json_as_well_and_says_what_is_wrong_with_it(visit: Visit, onward: Onward) -> None:
    first = onward.submit("talk", {"lines": 1})
    onward.ended(first)
    page = visit.go(f"/x/{first}")
    page.get_by_role("button", name="Rerun with other input").click()
    page.get_by_role("button", name="As JSON").click()

    page.fill("dialog [name=input]", '{"lines": "many"}')
    with page.expect_console_message(lambda told: "Failed to load resource" in told.text):
        page.get_by_role("button", name="Run it").click()

    expect(page.locator("dialog [role=alert]")).to_be_visible()
    visit.complaints.clear()  # the browser's about the refusal, which is meant
    assert onward.rest("GET", f"/executions?retried_from={first}")["items"] == []


def test_attempts_stand_beside_each_other_with_what_went_wrong(visit: Visit, onward: Onward) -> None:
    text = SCRIPTS[1]
    failed = onward.submit("fails_with", {"text": text}, retry={"attempts": 2, "first": 0.01})
    onward.ended(failed)

    page = visit.go(f"/x/{failed}?tab=attempts")

    expect(page.locator(".attempts thead")).to_contain_text("attempt 2")
    expect(page.locator(".attempts")).to_contain_text(text)
    assert page.evaluate("window.pwned") is None


def test_all_events_of_one_that_has_many_are_read(visit: Visit, onward: Onward) -> None:
    waits = onward.submit("talk", {"lines": 1}, delay=3600)
    for verb in ("pause", "resume") * 101:
        onward.rest("POST", f"/executions/{waits}/{verb}")

    page = visit.go(f"/x/{waits}?tab=events")

    expect(page.locator(".events tbody tr").nth(202)).to_contain_text("resume")
    onward.rest("POST", f"/executions/{waits}/cancel")
    expect(page.locator(".events tbody tr").nth(203)).to_contain_text("cancel")
