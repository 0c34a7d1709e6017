"""The pictures in the docs: what a reader sees there is what the pages show. ONWARD_PICTURES=1 makes them anew."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.seed_page import Onward

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"


@pytest.fixture(scope="module")
def busy(onward: Onward) -> str:
    """A little of everything; the id of one that failed after three tries."""
    for name in ("Ada", "Bob", "Cleo"):
        onward.submit("greet", {"name": name}, labels={"customer": name.lower()})
    onward.submit("deploy", {"version": "2.4"}, labels={"team": "web"})
    onward.submit("work", {"seconds": 120}, labels={"customer": "ada"})
    onward.submit("greet", {"name": "later"}, delay=3600)
    onward.rest("POST", "/queues", {"name": "reports"})
    onward.submit("greet", {"name": "nobody"}, queue="reports")
    nightly = {
        "name": "nightly",
        "cron": "0 3 * * *",
        "zone": "Europe/Berlin",
        "submission": {"task": "greet"},
    }
    onward.rest("POST", "/schedules", nightly)
    onward.rest("POST", "/schedules/nightly/trigger", {})
    onward.rest("POST", "/drafts", {"name": "yearly-report", "title": "Yearly report", "task": "work"})
    failed = onward.submit("fragile", labels={"customer": "bob"})
    onward.ended(failed)
    return failed


SHOWN = {"board": ("/", "light"), "board-dark": ("/", "dark"), "execution": ("/x/", "light")}


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_looks_as_its_picture_says(visit: Visit, busy: str, tmp_path: Path, name: str) -> None:
    path, theme = SHOWN[name]
    visit.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page = visit.go(path + busy if path == "/x/" else path)
    page.wait_for_load_state("networkidle")
    expect(page.locator(".dot.is-live")).to_be_visible()
    if path == "/":
        for column in ("planning", "pending", "running", "completed", "failed"):
            expect(page.locator(f".column.is-{column} .card").first).to_be_visible()
    else:
        expect(page.locator(".timeline .bar")).to_have_count(7)

    folder = PICTURES if os.environ.get("ONWARD_PICTURES") else tmp_path
    page.screenshot(path=folder / f"{name}.png")

    assert (folder / f"{name}.png").stat().st_size > 10_000
    assert (PICTURES / f"{name}.png").exists()


def test_the_pages_of_schedules_and_analytics_look_as_their_pictures_say(
    visit: Visit, busy: str, tmp_path: Path
) -> None:
    folder = PICTURES if os.environ.get("ONWARD_PICTURES") else tmp_path
    page = visit.go("/schedules")
    page.get_by_role("button", name="▸ nightly").click()
    expect(page.locator(".below tbody").first.get_by_role("row")).to_have_count(10)
    expect(page.locator(".below .tick")).to_have_count(1)
    page.screenshot(path=folder / "schedules.png")
    page = visit.go("/analytics")
    page.wait_for_load_state("networkidle")
    expect(page.locator("main svg").first).to_be_visible()
    page.screenshot(path=folder / "analytics.png")

    for name in ("schedules", "analytics"):
        assert (folder / f"{name}.png").stat().st_size > 10_000
        assert (PICTURES / f"{name}.png").exists()
