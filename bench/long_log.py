"""A long log in a real Chromium: `python -m bench.long_log [--lines 1000000]`.

Starts an Onward of its own, lets a task print so many lines through the real worker, NATS and log_relay, and prints
milliseconds: from opening the page at the log's end until its last line stands there, at its middle by an address,
and from asking for a text until the count of all its places is shown (one that is rare, one in every line, one that is
nowhere). Goals for 1,000,000 lines on a machine with nothing beside: opens 500, search 2,000.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.support.seed_page import Onward, installation
from tooling.browser import found

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SHOWS = "n => [...document.querySelectorAll('.window .line')].some((one) => one.dataset.line === String(n))"
SEARCHED = "() => document.querySelector('.found[data-complete=true]') !== null"
SEARCHES = {"rare": "needle 9", "every line": "ordinary", "nowhere": "not in it at all"}
TIMES = 5


def main() -> int:
    """Measures, and prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    lines = parser.parse_args().lines
    with TemporaryDirectory() as home, installation(Path(home)) as onward, sync_playwright() as playwright:
        execution = filled(onward, lines)
        browser = playwright.chromium.launch(executable_path=found(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(onward.run("open", "--print").strip())
        page.wait_for_selector("header.shell")
        address = f"{onward.variables['ONWARD_URL']}/x/{execution}"
        figures: dict[str, Any] = {"lines": lines, "load": round(os.getloadavg()[0], 1)}
        figures["open at the end, ms"] = [opened(page, address, lines) for _ in range(TIMES)]
        figures["open in the middle, ms"] = [
            opened(page, f"{address}#L{lines // 2}", lines // 2) for _ in range(TIMES)
        ]
        for name, text in SEARCHES.items():
            figures[f"search, {name}, ms"] = [searched(page, address, lines, text) for _ in range(TIMES)]
        browser.close()
    print(json.dumps({name: middle(figure) for name, figure in figures.items()}))
    return 0


def filled(onward: Onward, lines: int) -> str:
    """An execution that has printed so many lines; its id."""
    started = time.monotonic()
    execution = onward.submit("talk", {"lines": lines})
    onward.ended(execution, within=600)
    print(f"{lines} lines printed in {time.monotonic() - started:.1f} s")
    return execution


def opened(page: Page, address: str, line: int) -> float:
    """Milliseconds from leaving another page until a line stands there."""
    page.goto("about:blank")
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_function(SHOWS, arg=line, polling="raf")
    return (time.perf_counter() - started) * 1000


def searched(page: Page, address: str, lines: int, text: str) -> float:
    """Milliseconds from the key until the whole log was searched."""
    opened(page, address, lines)
    page.fill("[name=grep]", text)
    started = time.perf_counter()
    page.keyboard.press("Enter")
    # Each frame: a wait for a selector looks again after half a second.
    page.wait_for_function(SEARCHED, polling="raf", timeout=120_000)
    return (time.perf_counter() - started) * 1000


def middle(figure: Any) -> Any:
    """A number as it is, of several the one in the middle and the most."""
    if not isinstance(figure, list):
        return figure
    return {"p50": round(statistics.median(figure)), "most": round(max(figure))}


if __name__ == "__main__":
    raise SystemExit(main())
