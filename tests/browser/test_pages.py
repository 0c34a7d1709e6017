"""Every page, in both themes and both widths: nothing to complain about, for people, programs and browsers."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from onward_gateway.web import ADDRESSES
from tests.browser.conftest import Visit
from tests.support.seed_page import Onward

UI = Path(__file__).resolve().parents[2] / "services" / "onward_gateway" / "ui"
PAGES = re.findall(r'^  \["(/[^"]*)",', (UI / "app.js").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def filled(onward: Onward) -> str:
    """Something in each column, and a question; the id of one that failed."""
    onward.submit("greet", {"name": "Ada"})
    onward.submit("deploy", {"version": "1"}, labels={"customer": "42"})
    onward.submit("greet", delay=3600)
    failed = onward.submit("broken", retry={"attempts": 1})
    onward.ended(failed)
    return failed


def test_the_server_knows_every_page_of_the_script() -> None:
    assert set(PAGES) <= set(ADDRESSES)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", [*PAGES, "/x/"])
def test_a_page_has_no_serious_finding_in_either_theme(
    visit: Visit, filled: str, path: str, width: int
) -> None:
    visit.page.set_viewport_size({"width": width, "height": 800})
    visit.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page = visit.go(path + filled if path == "/x/" else path)
    page.wait_for_load_state("networkidle")
    assert serious(page) == []

    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert serious(page) == []


def serious(page: Page) -> list[str]:
    """What axe finds that is serious or worse."""
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in Axe().run(page).response["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


def test_the_first_load_is_below_90_kilobytes_of_script(visit: Visit, filled: str) -> None:
    import gzip

    asked: list[str] = []
    visit.page.on("response", lambda answer: answer.url.endswith(".js") and asked.append(answer.url))
    visit.go("/").wait_for_load_state("networkidle")

    sizes = [len(gzip.compress((UI / url.partition("/ui/")[2]).read_bytes())) for url in asked]
    assert 10_000 < sum(sizes) < 90_000


def test_an_address_brings_back_what_it_showed(visit: Visit, filled: str) -> None:
    page = visit.go("/")
    page.fill("#filter", "task:broken")
    page.keyboard.press("Enter")
    page.wait_for_selector(".chip")

    again = visit.go(page.url.removeprefix(visit.url))

    again.wait_for_selector(f'[data-id="{filled}"]')
    expect(again.locator(".card:not(.is-failed)")).to_have_count(0)
