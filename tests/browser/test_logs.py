"""The log of an execution: at its end, at any line, searched as a whole, and only ever text."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_escape import CORPUS
from tests.support.seed_page import Onward

LINES = 30_000
ERROR = 12_345


@pytest.fixture(scope="module")
def talked(onward: Onward) -> str:
    """One that has printed much, an error among it, and failed."""
    execution = onward.submit("talk", {"lines": LINES, "error_at": ERROR}, retry={"attempts": 1})
    onward.ended(execution, within=60)
    return execution


def test_a_failed_one_opens_at_its_last_error_and_any_address_at_its_line(visit: Visit, talked: str) -> None:
    page = visit.go(f"/x/{talked}")
    marked = page.locator(".window .is-marked")
    expect(marked).to_contain_text(f"line {ERROR} went wrong")
    expect(marked).to_be_in_viewport()
    assert page.url.endswith(f"#L{ERROR}")

    visit.go("/")
    visit.go(f"/x/{talked}#L20000")
    expect(marked).to_contain_text("20000 an ordinary line")
    assert page.locator(".window .line").count() < 200, "only what can be seen is there"

    page.get_by_label("follow").check()
    expect(page.locator(f'.window [data-line="{LINES}"]')).to_be_in_viewport()
    page.get_by_role("button", name="Next error").click()
    expect(marked).to_contain_text(f"line {ERROR} went wrong")


def test_a_search_looks_through_the_whole_log_and_leads_from_place_to_place(
    visit: Visit, talked: str
) -> None:
    page = visit.go(f"/x/{talked}#L{LINES}")
    page.fill("[name=grep]", "NEEDLE 1777")
    page.keyboard.press("Enter")
    # 1777 and 17770 to 17779
    expect(page.locator(".found[data-complete=true]")).to_have_text("11 lines")

    page.get_by_role("button", name="Previous place").click()
    expect(page.locator(".window .is-marked")).to_contain_text("17779 an ordinary line")
    expect(page.locator(".window .is-marked mark")).to_have_text("needle 1777")
    page.get_by_role("button", name="Next place").click()
    expect(page.locator(".window .is-marked")).to_contain_text("1777 an ordinary line")

    page.get_by_label("Level of what is searched for").select_option("error")
    expect(page.locator(".found[data-complete=true]")).to_have_text("0 lines")


def test_the_whole_log_comes_as_a_file(visit: Visit, talked: str) -> None:
    page = visit.go(f"/x/{talked}")
    with page.expect_download() as coming:
        page.get_by_role("button", name="↓ ndjson").click()
    assert coming.value.path().read_bytes().count(b"\n") >= LINES


def test_lines_their_json_and_what_is_searched_for_are_only_text(visit: Visit, onward: Onward) -> None:
    for text in CORPUS:
        execution = onward.submit("says", {"text": text})
        onward.ended(execution)
        page = visit.go(f"/x/{execution}")
        page.get_by_role("button", name="JSON of line 2").click()
        expect(page.locator(".json-line pre")).to_contain_text("said")
        page.fill("[name=grep]", text.replace("\u001b", "")[:20])
        page.keyboard.press("Enter")
        page.wait_for_selector(".found[data-complete=true]")
        assert page.evaluate("window.pwned") is None, text
        assert page.locator("main img, main script, main svg[onload]").count() == 0, text
