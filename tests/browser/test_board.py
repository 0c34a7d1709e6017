"""The board against the real stack: what happens is seen at once, and what is done to a card happens."""

import os
import signal
import time

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.support.seed_page import Onward

AT_ONCE = 10.0
"""Seconds from the submission to the card, on a machine with much else to do; `python -m bench.board` measures."""


def card(page: Page, execution: str):
    return page.locator(f'[data-id="{execution}"]')


def column(page: Page, name: str):
    return page.locator(f".column.is-{name}")


def test_seed_board_shows_a_life_as_it_happens(visit: Visit, onward: Onward) -> None:
    """Submitted, asked, answered on the page, its worker killed, completed: one card, always in its column."""
    page = visit.go("/")
    expect(page.locator(".dot.is-live")).to_be_visible()
    onward.ended(onward.submit("greet"))

    execution = onward.submit("deploy", {"version": "7"})
    before = time.monotonic()
    card(page, execution).wait_for()
    seen_after = time.monotonic() - before
    expect(column(page, "running").locator(f'[data-id="{execution}"] .is-needs-you')).to_be_visible()

    page.goto(f"{visit.url}/x/{execution}")
    page.get_by_role("button", name="yes", exact=True).click()
    expect(page.locator(".head .status.is-completed")).to_be_visible()

    assert onward.ended(execution)["output"] == "7: yes"
    assert seen_after <= AT_ONCE


def test_seed_columns_keep_a_card_whose_worker_died(visit: Visit, onward: Onward) -> None:
    page = visit.go("/")
    execution = onward.submit("work", {"seconds": 15, "steps": 30})
    expect(column(page, "running").locator(f'[data-id="{execution}"]')).to_be_visible()
    worker = onward.running(execution)["worker_id"]
    workers = onward.until(
        lambda: {one["worker_id"]: one["pid"] for one in onward.rest("GET", "/workers")["items"]},
        lambda heard_of: worker in heard_of,
    )

    os.kill(workers[worker], signal.SIGKILL)

    expect(column(page, "completed").locator(f'[data-id="{execution}"]')).to_be_visible(timeout=60_000)
    assert onward.get(execution)["attempt"] == 2


def test_seed_board_shows_again_what_happened_while_the_connection_was_lost(
    visit: Visit, onward: Onward
) -> None:
    """Whose relay was killed gets a new snapshot from the next one."""
    page = visit.go("/")
    expect(page.locator(".dot.is-live")).to_be_visible()

    os.kill(onward.up["pids"]["log_relay"], signal.SIGKILL)
    execution = onward.submit("greet", {"name": "meanwhile"})

    expect(column(page, "completed").locator(f'[data-id="{execution}"]')).to_be_visible(timeout=60_000)
    visit.complaints[:] = [one for one in visit.complaints if "WebSocket" not in one]


def test_seed_card_that_failed_is_retried_by_dragging_it(visit: Visit, onward: Onward) -> None:
    execution = onward.submit("broken", retry={"attempts": 1})
    onward.ended(execution)
    page = visit.go("/")

    column(page, "failed").locator(f'[data-id="{execution}"]').drag_to(column(page, "pending"))
    page.get_by_role("button", name="Retry it").click()

    onward.until(lambda: types(onward, execution), lambda now: "retry_requested" in now)


def test_seed_manage_by_keyboard_alone(visit: Visit, onward: Onward) -> None:
    execution = onward.submit("broken", retry={"attempts": 1})
    onward.ended(execution)
    page = visit.go("/?task=broken")
    expect(column(page, "failed").locator(f'[data-id="{execution}"]')).to_be_visible()
    card(page, execution).focus()

    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Retry it")).to_be_focused()
    page.keyboard.press("Enter")

    onward.until(lambda: types(onward, execution), lambda now: "retry_requested" in now)


def test_seed_planning_is_a_column_of_drafts_until_they_are_approved(visit: Visit, onward: Onward) -> None:
    onward.rest("POST", "/drafts", {"name": "tidy-up", "task": "greet", "input": {"name": "draft"}})
    page = visit.go("/")
    planned = column(page, "planning").locator(".card", has_text="tidy-up")

    planned.drag_to(column(page, "pending"))
    page.get_by_role("button", name="Approve it").click()

    made = onward.until(lambda: onward.rest("GET", "/drafts/tidy-up"), lambda now: now["execution_id"])
    assert onward.ended(made["execution_id"])["output"] == "hello draft"
    expect(card(page, made["execution_id"])).to_be_visible()


def test_what_may_not_be_dropped_changes_nothing(visit: Visit, onward: Onward) -> None:
    execution = onward.submit("greet", {"name": "stays"})
    version = onward.ended(execution)["version"]
    page = visit.go("/?task=greet")

    card(page, execution).drag_to(column(page, "pending"))

    expect(column(page, "completed").locator(f'[data-id="{execution}"]')).to_be_visible()
    assert onward.get(execution)["version"] == version


def test_a_cancel_asks_for_a_reason(visit: Visit, onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 60}, labels={"for": "cancel"})
    onward.running(execution)
    page = visit.go("/?cancelled=show")
    card(page, execution).focus()

    page.keyboard.press("c")
    page.fill("dialog input[name=reason]", "not needed")
    page.get_by_role("button", name="Cancel it").click()

    assert onward.ended(execution)["reason"] == "not needed"
    expect(column(page, "failed").locator(f'[data-id="{execution}"]')).to_be_visible()


def types(onward: Onward, execution: str) -> list[str]:
    """What has happened to it."""
    return [event["type"] for event in onward.rest("GET", f"/executions/{execution}/events")["items"]]
