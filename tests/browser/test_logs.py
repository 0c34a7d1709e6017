"""The log of an execution: at its end, at any line, searched as a whole, and only ever text."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.hostile import SCRIPTS
from tests.support.seed_page import Onward

LINES = 30_000
ERROR = 12_345
TURN_THE_WHEEL = """([way, line]) => new Promise((done) => {
  const box = document.querySelector('.is-wrapped');
  const seen = () => {
    const row = box.querySelector(`[data-line="${line}"]`)?.getBoundingClientRect();
    const frame = box.getBoundingClientRect();
    return row && row.top >= frame.top && row.bottom <= frame.bottom;
  };
  const turn = () => (seen() ? done() : (box.scrollTop += way * 200, requestAnimationFrame(turn)));
  turn();
})"""


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

    page.get_by_label("Level").select_option("error")
    expect(page.locator(".found[data-complete=true]")).to_have_text("0 lines")


def test_a_level_leaves_out_the_lines_below_it_and_an_address_still_leads_to_its_line(
    visit: Visit, talked: str
) -> None:
    page = visit.go(f"/x/{talked}#L{ERROR}")
    expect(page.locator(".window .is-marked")).to_contain_text("went wrong")

    page.get_by_label("Level").select_option("warning")

    expect(page.locator(".logs header")).to_contain_text("of warning and worse")
    expect(page.locator(".window .is-marked")).to_contain_text("went wrong")
    expect(page.locator(".window .is-info")).to_have_count(0)


def test_wrapped_lines_scroll_on_to_both_sides_of_an_address(visit: Visit, talked: str) -> None:
    page = visit.go(f"/x/{talked}#L15000")
    page.get_by_label("wrap").check()
    expect(page.locator('.is-wrapped [data-line="15000"]')).to_be_in_viewport()

    for away, line in ((1, 15_400), (-1, 14_600)):
        page.evaluate(TURN_THE_WHEEL, [away, line])
        expect(page.locator(f'.is-wrapped [data-line="{line}"]')).to_be_in_viewport()
    assert page.locator(".window .line").count() <= 400, "only what is near is there"


def test_the_whole_log_comes_as_a_file(visit: Visit, talked: str) -> None:
    page = visit.go(f"/x/{talked}")
    with page.expect_download() as coming:
        page.get_by_role("button", name="↓ ndjson").click()
    assert coming.value.path().read_bytes().count(b"\n") >= LINES


def test_lines_their_json_and_what_is_searched_for_are_only_text(visit: Visit, onward: Onward) -> None:
    for text in SCRIPTS:
        execution = onward.submit("says", {"text": text})
        onward.ended(execution)
        page = visit.go(f"/x/{execution}")
        page.get_by_role("button", name="JSON of line 2").click()
        expect(page.locator(".json-line")).to_contain_text("said")
        page.fill("[name=grep]", text.replace("\u001b", "")[:20])
        page.keyboard.press("Enter")
        page.wait_for_selector(".found[data-complete=true]")
        assert page.evaluate("window.pwned") is None, text
        assert page.locator("main img, main script, main svg[onload]").count() == 0, text
