"""What is done on the board happens: by the mouse, by a key, in the menu, to many at once; and a view is kept."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_board import card, column, types
from tests.support.seed_page import Onward


def test_seed_card_that_runs_is_paused_by_dragging_and_goes_on_by_a_key(visit: Visit, onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 90, "steps": 180}, labels={"for": "pause"})
    page = visit.go("/?label=for%3Dpause")
    expect(column(page, "running").locator(f'[data-id="{execution}"]')).to_be_visible()

    card(page, execution).drag_to(column(page, "planning"))
    page.get_by_role("button", name="Pause it").click()
    onward.until(lambda: onward.get(execution), lambda now: now["reason"] == "paused")
    expect(card(page, execution)).to_contain_text("paused")

    card(page, execution).focus()
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Resume it")).to_be_focused()
    page.keyboard.press("Enter")

    onward.until(lambda: types(onward, execution), lambda now: "resumed" in now)
    expect(card(page, execution)).not_to_contain_text("paused")
    onward.rest("POST", f"/executions/{execution}/cancel", {})


def test_seed_planning_ends_with_an_approval_by_a_key(visit: Visit, onward: Onward) -> None:
    onward.rest("POST", "/drafts", {"name": "by-key", "task": "greet"})
    page = visit.go("/")
    page.locator('[data-draft="by-key"]').focus()

    page.keyboard.press("a")
    page.get_by_role("button", name="Approve it").press("Enter")

    onward.until(lambda: onward.rest("GET", "/drafts/by-key"), lambda now: now["execution_id"])


def test_seed_card_has_a_menu_that_does_what_dragging_does(visit: Visit, onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 600}, labels={"for": "menu"})
    onward.running(execution)
    page = visit.go("/?label=for%3Dmenu&cancelled=show")

    card(page, execution).get_by_role("button", name="Commands").click()
    page.get_by_role("menuitem", name="Cancel").click()
    page.get_by_role("button", name="Cancel it").click()

    assert onward.ended(execution)["status"] == "cancelled"
    expect(column(page, "failed").locator(f'[data-id="{execution}"]')).to_be_visible()


def test_seed_running_shows_the_step_and_the_last_line_on_its_card(visit: Visit, onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 300, "steps": 500}, labels={"for": "glance"})
    page = visit.go("/?label=for%3Dglance")

    expect(card(page, execution).locator(".last")).to_contain_text("› part")
    expect(card(page, execution)).to_contain_text("steps")
    onward.rest("POST", f"/executions/{execution}/cancel", {})


def test_seed_columns_are_cut_into_lanes_by_what_differs(visit: Visit, onward: Onward) -> None:
    for customer in ("zoe", "yul"):  # no part of any id
        onward.ended(onward.submit("greet", labels={"for": "lanes", "customer": customer}))
    page = visit.go("/?label=for%3Dlanes&lanes=label%3Acustomer")

    expect(page.locator(".swim-lane")).to_have_count(2)
    expect(page.get_by_role("region", name="zoe").locator(".card")).to_have_count(1)
    page.get_by_role("region", name="zoe").get_by_role("button", name="zoe").click()

    expect(page.get_by_role("region", name="zoe").locator(".card")).to_have_count(0)


def test_seed_board_view_is_saved_for_everybody_and_comes_back(visit: Visit, onward: Onward) -> None:
    page = visit.go("/?task=greet&label=for%3Dview")
    page.get_by_role("button", name="Save view").click()
    page.get_by_label("Name").fill("greetings")
    page.get_by_role("button", name="Save it").click()
    onward.until(
        lambda: [one["name"] for one in onward.rest("GET", "/saved-views")["items"]],
        lambda names: "greetings" in names,
    )

    page = visit.go("/?queue=other")
    page.get_by_label("Saved view").select_option("greetings")

    expect(page.locator(".chip")).to_have_count(2)
    expect(page.locator(".chip").first).to_contain_text("task:greet")


def test_seed_bulk_retries_marked_ones_and_then_all_that_fit(visit: Visit, onward: Onward) -> None:
    made = [onward.submit("broken", retry={"attempts": 1}, labels={"for": "many"}) for _ in range(3)]
    for execution in made:
        onward.ended(execution)
    page = visit.go("/?label=for%3Dmany")
    for execution in made[:2]:
        expect(column(page, "failed").locator(f'[data-id="{execution}"]')).to_be_visible()
        card(page, execution).focus()
        page.keyboard.press("x")

    page.get_by_role("button", name="Retry 2").click()
    page.get_by_role("button", name="Retry them").click()
    for execution in made[:2]:
        onward.until(lambda execution=execution: _retries(onward, execution), lambda many: many == 1)
        onward.ended(execution)
    onward.until(lambda: _listed_as_failed(onward), lambda many: many == 3)

    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Where to").fill("retry all")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Retry 3 executions?")).to_be_visible()
    page.get_by_role("button", name="Retry them").click()

    for execution, many in zip(made, (2, 2, 1), strict=True):
        onward.until(
            lambda execution=execution: _retries(onward, execution), lambda now, many=many: now == many
        )


def test_seed_board_palette_reaches_pages_and_executions(visit: Visit, onward: Onward) -> None:
    execution = onward.submit("greet", labels={"for": "palette"})
    onward.ended(execution)
    page = visit.go("/")

    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Where to").fill("worke")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visit.url}/workers")

    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Where to").fill(execution)
    page.get_by_role("option", name=execution).click()
    expect(page).to_have_url(f"{visit.url}/x/{execution}")


def test_seed_manage_who_may_only_read_is_offered_no_command(visit: Visit, onward: Onward) -> None:
    execution = onward.submit("broken", retry={"attempts": 1}, labels={"for": "reader"})
    onward.ended(execution)
    key = onward.rest("POST", "/api-keys", {"name": "reader", "scope": "read"})["key"]
    visit.page.context.clear_cookies()
    page = visit.go("/?label=for%3Dreader")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()

    card(page, execution).get_by_role("button", name="Commands").click()

    expect(page.get_by_role("menuitem", name="Open")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Retry")).to_have_count(0)
    visit.complaints[:] = [one for one in visit.complaints if "401" not in one]


def test_what_is_denied_is_not_shown(visit: Visit, onward: Onward) -> None:
    kept, left_out = (onward.submit("greet", labels={"for": "denied", "test": test}) for test in "01")
    for execution in (kept, left_out):
        onward.ended(execution)
    page = visit.go("/?label=for%3Ddenied")
    expect(card(page, left_out)).to_be_visible()

    page.get_by_label("Filter", exact=True).fill("-label:test=1")
    page.keyboard.press("Enter")

    expect(card(page, left_out)).to_have_count(0)
    expect(card(page, kept)).to_be_visible()


def _retries(onward: Onward, execution: str) -> int:
    return types(onward, execution).count("retry_requested")


def _listed_as_failed(onward: Onward) -> int:
    return len(onward.rest("GET", "/executions?label=for%3Dmany&status=failed")["items"])
