"""Lists that hold more than one answer: shown further, and found by a part of a name."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.seed_page import Onward

MANY, PAGE = 25, 20


def test_more_than_one_page_of_resources_is_shown_and_found_by_name(visit: Visit, onward: Onward) -> None:
    for number in range(MANY):
        onward.rest("POST", "/environments", {"name": f"many-{number:03}"})
    # Pages as the server makes them, only smaller: so few are enough.
    visit.page.route(
        "**/api/v1/environments?*",
        lambda route: route.continue_(url=route.request.url.replace("limit=200", f"limit={PAGE}")),
    )
    page = visit.go("/environments?q=many-")
    rows = page.locator('tr[id^="many-"]')
    expect(rows).to_have_count(PAGE)

    page.get_by_role("button", name="Show more").click()

    expect(rows).to_have_count(MANY)
    expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    page.get_by_label("Find by name").fill("many-02")
    expect(rows).to_have_count(5)
    assert "q=many-02" in page.url
    page.get_by_label("Find by name").fill("nowhere")
    expect(page.get_by_text("No environment has “nowhere” in its name")).to_be_visible()
