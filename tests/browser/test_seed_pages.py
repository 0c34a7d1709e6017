"""What is promised of the pages beside the board: to run something, and to find out why it failed."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.seed_page import Onward


def test_seed_three_doors_lead_to_the_same_executions(visit: Visit, onward: Onward) -> None:
    page = visit.go("/tasks")
    page.get_by_role("button", name="Run greet", exact=True).click()
    page.get_by_role("textbox", name=re.compile("^name")).fill("Ada")
    page.get_by_text("Where, when, how urgently").click()
    page.get_by_label("Priority, 1 to 9").fill("7")
    page.get_by_label("Labels, one a line").fill("door=page\ncustomer=42")
    page.get_by_role("button", name="Run it").click()
    expect(page).to_have_url(re.compile("/x/"))
    made = page.url.rpartition("/x/")[2].partition("#")[0]

    by_rest = onward.ended(made)
    by_command = onward.json("execution", "get", made)
    assert (by_rest["status"], by_rest["output"]) == ("completed", "hello Ada")
    assert (by_rest["priority"], by_rest["labels"]) == (7, {"door": "page", "customer": "42"})
    assert (by_command["id"], by_command["output"]) == (made, "hello Ada")
    expect(page.locator("main").get_by_text("completed").first).to_be_visible()


def test_seed_investigate_from_the_error_to_the_line(visit: Visit, onward: Onward) -> None:
    failed = onward.submit("talk", {"lines": 50, "error_at": 31}, retry={"attempts": 1})
    fingerprint = onward.ended(failed)["error"]["fingerprint"]
    onward.until(
        lambda: onward.rest("GET", "/error-groups")["items"],
        lambda groups: fingerprint in {one["fingerprint"] for one in groups},
    )

    page = visit.go(f"/errors?open={fingerprint}")
    page.locator(f'.below a[href="/x/{failed}"]').click()

    expect(page.get_by_role("region", name="Error")).to_contain_text("it talked too much")
    expect(page.locator(".window .is-marked")).to_contain_text("line 31 went wrong")


@pytest.mark.parametrize(
    "field, typed, said",
    [
        ("Labels, one a line", "no value", "a label is name=value"),
        ("Queue", "No Queue!", "queue"),
    ],
)
def test_what_is_wrong_with_a_run_is_said_and_nothing_is_submitted(
    visit: Visit, onward: Onward, field: str, typed: str, said: str
) -> None:
    page = visit.go("/tasks")
    page.get_by_role("button", name="Run deploy", exact=True).click()
    page.get_by_text("Where, when, how urgently").click()
    page.get_by_label(field).fill(typed)
    page.get_by_role("button", name="Run it").click()

    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(said)
    assert page.url.endswith("/tasks")
    if field == "Queue":
        visit.refused(400)
