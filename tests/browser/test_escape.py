"""What people and programs write is text on every page: nothing of it runs, and every link stays inside."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import hostile
from tests.browser.conftest import Visit
from tests.support.seed_page import Onward

UI = Path(__file__).resolve().parents[2] / "services" / "onward_gateway" / "ui"
GROUPS: dict[str, list[str]] = {}
for address, group in re.findall(
    r'^  \["(/[^"]*)",.*?(?:"([^"]+)")?\],$', (UI / "app.js").read_text(), re.MULTILINE
):
    GROUPS.setdefault(group or "head", []).append(address)
KINDS = (
    "agents",
    "alerts",
    "channels",
    "drafts",
    "environments",
    "policies",
    "queues",
    "saved-views",
    "schedules",
    "teams",
    "webhooks",
)
SHOWS = {
    "/": ".card",
    "/list": "tbody tr",
    "/needs-you": ".asked",
    "/errors": "tbody tr",
    "/audit": "tbody tr",
    "/keys": "tbody tr",
    "/analytics": ".figures",
} | {f"/{kind}": '[id="hostile-1"]' for kind in KINDS}
"""What is there once the page of an address has what it shows."""
WITHOUT = {
    "/alerts",
    "/channels",
    "/policies",
    "/webhooks",
    "/analytics",
    "/limits",
    "/quotas",
    "/tasks",
    "/workers",
}
"""Pages that show none of these texts before an editor is open."""
ELSEWHERE = """() => {
  const found = [];
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on")) found.push(`${element.tagName} has ${name}=${value}`);
    }
  }
  for (const element of document.querySelectorAll("body script, img, iframe, object, embed, form[action]")) {
    if (!element.matches("body > script[src^='/ui/']")) found.push(element.outerHTML.slice(0, 200));
  }
  for (const link of document.querySelectorAll("a, area")) {
    const inside = !link.hasAttribute("href") || new URL(link.href, location.href).origin === location.origin;
    if (!inside) found.push(link.outerHTML.slice(0, 200));
  }
  if (window.pwned !== undefined) found.push("a script ran");
  return found;
}"""


TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".scroll"))
  .map((one) => `${one.tagName}.${one.className}: ${one.getBoundingClientRect().right}`)
  .slice(0, 12)"""


@pytest.fixture(scope="module")
def filled(onward: Onward) -> dict[str, str]:
    """Executions of an installation where everything that takes a text has a hostile one."""
    return hostile.fill(onward)


def assert_harmless(page: Page) -> None:
    assert page.evaluate(ELSEWHERE) == [], page.url
    wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1], (page.url, page.evaluate(TOO_WIDE))


def look(page: Page, shown: str) -> None:
    """At both widths, once all has come."""
    page.wait_for_selector(f"main {shown}")
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert_harmless(page)


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_no_text_is_more_than_text_on_a_page(visit: Visit, filled: dict[str, str], group: str) -> None:
    for path in GROUPS[group]:
        page = visit.go(path)
        look(page, SHOWS.get(path, "h1"))
        assert path in WITHOUT or hostile.RUNS in page.inner_text("main"), path
        edit = page.get_by_role("button", name="Edit hostile-1", exact=True)
        if edit.count():
            edit.click()
            page.get_by_role("button", name="Save", exact=True).wait_for()
            assert_harmless(page)


SHOWN = [
    ("failed", "timeline", ".notice.is-bad"),
    ("failed", "data", ".value"),
    ("greeted", "events", ".events tbody tr"),
    ("said", "logs", ".line .text"),
    ("asked", "timeline", ".question"),
]


def test_no_text_is_more_than_text_on_the_page_of_an_execution(visit: Visit, filled: dict[str, str]) -> None:
    for which, tab, shown in SHOWN:
        look(visit.go(f"/x/{filled[which]}?tab={tab}"), shown)
        assert hostile.RUNS in visit.page.inner_text("main"), (which, tab)
