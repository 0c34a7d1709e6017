import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.seed_page import Onward, installation
from tooling import browser as installed

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
)  # fmt: skip
PATIENCE = 40_000
"""Milliseconds in which what a test waits for has to be on the page; by itself `expect` gives up after five seconds."""


@pytest.fixture(scope="session")
def onward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Onward]:
    """One installation for all of them."""
    with installation(tmp_path_factory.mktemp("home")) as it:
        yield it


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser."""
    expect.set_options(timeout=PATIENCE)
    path = installed.found()
    if path is None:
        pytest.skip("no Chromium: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


class Visit:
    """A page of a signed-in person, and all that it complained about or asked others for."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:", self.url.replace("http", "ws", 1))):
            self.elsewhere.append(url)

    def refused(self, status: int) -> None:
        """The browser has said that a request was refused, once, as it was meant to be."""
        (said,) = (one for one in self.complaints if f"the server responded with a status of {status}" in one)
        self.complaints.remove(said)

    def go(self, path: str) -> Page:
        """The page at this address, once it shows something."""
        self.page.goto(self.url + path)
        self.page.wait_for_selector("main > *")
        return self.page


@pytest.fixture(scope="session")
def signed_in(chromium: Browser, onward: Onward) -> dict:
    """The state of a browser after it has opened the link that the command line prints."""
    link = onward.run("open", "--print").strip()
    context = chromium.new_context()
    page = context.new_page()
    page.goto(link)
    page.wait_for_selector("header.shell")
    assert re.fullmatch(r".*/", page.url), "the code is gone from the address"
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def visit(chromium: Browser, onward: Onward, signed_in: dict) -> Iterator[Visit]:
    """A page that is 1280 wide."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, storage_state=signed_in)
    context.set_default_timeout(PATIENCE)
    visit = Visit(context.new_page(), onward.variables["ONWARD_URL"])
    yield visit
    context.close()
    assert visit.complaints == []
    assert visit.elsewhere == []
