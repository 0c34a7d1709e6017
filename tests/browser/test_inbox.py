"""Questions on their page: forms of their schemas, until when, who was faster, and what was answered before."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.seed_page import Onward


def asked(onward: Onward, task: str, given: dict) -> str:
    """An execution that has asked."""
    execution = onward.submit(task, given)
    onward.until(lambda: onward.get(execution)["waiting_on"], bool)
    onward.until(lambda: onward.rest("GET", f"/questions?execution_id={execution}")["items"], bool)
    return execution


def test_a_question_is_answered_by_a_form_of_its_schema_with_what_it_nests(
    visit: Visit, onward: Onward
) -> None:
    execution = asked(onward, "ordered", {"deadline": 3600})
    page = visit.go("/needs-you?to=ann")
    card = page.locator(".asked", has=page.locator(f'a[href="/x/{execution}"]'))
    expect(card.get_by_text(re.compile(r"left; then it goes on with"))).to_be_visible()

    card.get_by_label("amount").fill("3")
    card.get_by_label("how").select_option("express")
    card.get_by_text("address", exact=True).click()
    card.get_by_label("city").fill("Ulm")
    card.get_by_role("button", name="Answer").click()

    assert onward.ended(execution)["output"] == {"amount": 3, "how": "express", "address": {"city": "Ulm"}}
    page = visit.go("/needs-you?to=ann&status=answered")
    done = page.locator(".asked", has=page.locator(f'a[href="/x/{execution}"]'))
    expect(done.get_by_text(re.compile("answered by"))).to_be_visible()
    expect(done.get_by_role("region", name="Answer")).to_contain_text("Ulm")


def test_an_answer_that_comes_too_late_shows_whose_stands(visit: Visit, onward: Onward) -> None:
    execution = asked(onward, "deploy", {"version": "9"})
    page = visit.go("/needs-you")
    card = page.locator(".asked", has=page.locator(f'a[href="/x/{execution}"]'))
    choice = card.get_by_role("button", name="no", exact=True)
    expect(choice).to_be_visible()
    # The page must not see the other answer before its own is refused.
    page.route("**/api/v1/questions?status=open*", lambda route: None)
    onward.run("execution", "answer", execution, "yes")
    onward.until(
        lambda: onward.rest("GET", f"/questions?execution_id={execution}&status=answered")["items"], bool
    )

    choice.click()

    expect(card.get_by_text("Your answer came too late.")).to_be_visible()
    expect(card.get_by_role("region", name="Answer")).to_contain_text("yes")
    visit.refused(409)
    page.unroute_all(behavior="ignoreErrors")
