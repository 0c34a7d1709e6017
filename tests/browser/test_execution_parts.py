"""The parts of the page of an execution: steps it is retried from, its graph, its data unfolded, and its command."""

import json
import re
import shlex

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.seed_page import Onward


def test_a_failed_one_is_retried_from_a_step_on_its_page(visit: Visit, onward: Onward) -> None:
    failed = onward.submit("priced", {"prices": [1, 2, -1]}, retry={"attempts": 1})
    onward.ended(failed)
    page = visit.go(f"/x/{failed}?tab=steps")
    steps = page.get_by_role("list", name="Steps")
    expect(steps.locator(".is-saved")).to_have_count(2)
    expect(steps.locator(".is-failed")).to_contain_text("no price is below zero")

    page.get_by_role("button", name="Retry from price 2").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Run again: price 2")
    expect(dialog).to_contain_text("Kept: price 1.")
    dialog.get_by_role("button", name="Retry from here").click()
    events = onward.until(
        lambda: onward.rest("GET", f"/executions/{failed}/events")["items"],
        lambda told: [event["type"] for event in told].count("failed") == 2,
    )

    saved = [event["name"] for event in events if event["type"] == "checkpoint_reached"]
    assert saved == ["price 1", "price 2", "price 2"]


def test_a_failed_one_opens_at_the_step_that_failed(visit: Visit, onward: Onward) -> None:
    failed = onward.submit("priced", {"prices": [*[1] * 40, -1]}, retry={"attempts": 1})
    onward.ended(failed)

    page = visit.go(f"/x/{failed}")

    cause = page.get_by_role("list", name="Where the time went").locator("[aria-current=step]")
    expect(cause).to_contain_text("price 41")
    expect(cause).to_be_in_viewport()


def test_the_graph_shows_children_and_steps_and_leads_to_them(visit: Visit, onward: Onward) -> None:
    family = onward.submit("both", {"names": ["Ada", "Bob", "Cem"]})
    onward.ended(family)
    page = visit.go(f"/x/{family}?tab=graph")
    page.get_by_role("region", name="Graph").get_by_role("button", name=re.compile("greet × 3")).click()
    expect(page.locator(".tree li ul li")).to_have_count(3)

    worked = onward.submit("work", {"seconds": 0.1, "steps": 3})
    onward.ended(worked)
    page = visit.go(f"/x/{worked}?tab=graph")
    boxes = page.get_by_role("region", name="Graph").get_by_role("button")
    expect(boxes).to_have_count(3)
    boxes.nth(1).click()
    expect(page.get_by_role("list", name="Steps").locator("[aria-current=step]")).to_have_count(1)


def test_data_unfolds_and_is_only_text(visit: Visit, onward: Onward) -> None:
    hostile = {"list": list(range(150)), "<b>x</b>": {"deep": {"deeper": "<script>alert(1)</script>"}}}
    one = onward.submit("anything", {"value": hostile})
    onward.ended(one)
    page = visit.go(f"/x/{one}?tab=data")
    given = page.get_by_role("region", name="Input")

    given.locator("summary", has_text="list").click()
    expect(given.get_by_role("button", name="50 more")).to_be_visible()
    given.locator("summary", has_text="<b>x</b>").click()
    given.locator("summary", has_text="deep").click()
    expect(given.get_by_text("<script>alert(1)</script>")).to_be_visible()
    expect(given.get_by_label('Copy the path $.value["<b>x</b>"].deep.deeper')).to_have_count(1)


def test_the_command_that_is_copied_submits_the_same(visit: Visit, onward: Onward) -> None:
    asked = {
        "labels": {"of": 'it\'s "here"'},
        "priority": 7,
        "retry": {"attempts": 2},
        "timeouts": {"attempt": 90},
    }
    one = onward.submit("greet", {"name": "Ann's $HOME `x`"}, **asked)
    onward.ended(one)
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit.go(f"/x/{one}")
    page.get_by_role("button", name="Copy as CLI").click()
    expect(page.get_by_text("The command is copied")).to_be_visible()
    program, *words = shlex.split(page.evaluate("navigator.clipboard.readText()"))

    made = json.loads(onward.run(*words, "-o", "json"))

    assert program == "onward"
    same = (
        "task",
        "input",
        "queue",
        "environment",
        "priority",
        "labels",
        "max_attempts",
        "timeouts",
        "retention",
    )
    first, second = onward.get(one), onward.get(made["id"])
    assert {name: second[name] for name in same} == {name: first[name] for name in same}


def test_an_execution_shows_the_agent_it_ran_with_and_what_is_otherwise_now(
    visit: Visit, onward: Onward
) -> None:
    agent = {"name": "page-writer", "task": "greet", "config": {"model": "small", "tools": ["search"]}}
    onward.rest("POST", "/agents", agent)
    execution = onward.rest("POST", "/executions", {"agent": "page-writer", "input": {"name": "Ada"}})["id"]
    onward.ended(execution)
    page = visit.go(f"/x/{execution}?tab=data")
    shown = page.get_by_role("region", name="Agent", exact=True)
    expect(shown.get_by_text("It is the same now.")).to_be_visible()

    onward.rest("PATCH", "/agents/page-writer", {"config": {"model": "large", "tools": ["search"]}})
    page.reload()

    expect(shown.get_by_text("Now it is version 2:")).to_be_visible()
    expect(shown.locator("tbody tr")).to_have_text(['model"small""large"'])
