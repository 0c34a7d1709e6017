"""Each number on the page of analytics leads to just the executions that it counts."""

import re
from urllib.parse import urlparse

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.seed_page import Onward

WHERE = "counted-by-the-page"
COUNT = re.compile(r"(?:[✓✕⊘] )?([\d,]+)(?: ended)?")


def made(onward: Onward) -> dict[str, int]:
    """Executions in an environment that nobody else uses, and how they ended."""
    onward.rest("POST", "/environments", {"name": WHERE})
    for name in ("Ada", "Grace", "Edsger"):
        onward.ended(onward.submit("greet", {"name": name}, environment=WHERE))
    for text in ("one", "two"):
        onward.ended(onward.submit("fails_with", {"text": text}, retry={"attempts": 1}, environment=WHERE))
    late = onward.submit("greet", delay=3600, environment=WHERE)
    onward.rest("POST", f"/executions/{late}/cancel", {})
    onward.ended(late)
    told = {"completed": 3, "failed": 2, "cancelled": 1}
    onward.until(
        lambda: onward.rest("GET", f"/analytics/summary?environment={WHERE}")["figures"],
        lambda seen: {name: seen[name] for name in told} == told,
    )
    return told


def test_every_number_that_is_linked_is_the_length_of_its_list(visit: Visit, onward: Onward) -> None:
    told = made(onward)
    page = visit.go(f"/analytics?environment={WHERE}&period=1h")
    expect(page.get_by_role("link", name=f"{sum(told.values())} ended", exact=True)).to_be_visible()
    expect(page.locator(".heat td a").first).to_be_visible()
    expect(page.locator(".part tbody a").first).to_be_visible()

    links = page.eval_on_selector_all(
        'main a[href^="/list?"]', "links => links.map((link) => [link.textContent.trim(), link.getAttribute('href')])"
    )  # fmt: skip
    counted = [(COUNT.fullmatch(text), urlparse(href).query) for text, href in links]
    # What waits in a queue is told of all that wait there, whatever the page is narrowed down to.
    ended = [(found, asked) for found, asked in counted if found and "status=pending" not in asked]
    numbers = [(int(found[1].replace(",", "")), asked) for found, asked in ended]

    assert {number for number, _ in numbers} >= {*told.values(), sum(told.values())}
    for number, asked in numbers:
        assert f"environment={WHERE}" in asked
        assert "ended_since=" in asked
        assert len(onward.rest("GET", f"/executions?limit=200&{asked}")["items"]) == number, asked
    page.get_by_role("link", name="✕ 2", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_role("button", name="ended as: failed ✕")).to_be_visible()
