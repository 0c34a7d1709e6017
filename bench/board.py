"""The board under load, in a real Chromium: `python -m bench.board`.

2,000 executions, 500 changes and 5,000 log lines a second for 10 seconds: milliseconds between frames, and from
a change until the page's elements show it (those of cards in sight). Goals on a machine with nothing beside: frames
p95 17, p99 50; changes p95 250.
"""

import argparse
import json
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from typing import Any

from playwright.sync_api import sync_playwright

from tooling.browser import found

WATCH = """
window.bench = { frames: [], seen: [], long: [] };
addEventListener("DOMContentLoaded", () => {
  let before = 0;
  const frame = (at) => {
    if (before) bench.frames.push(at - before);
    before = at;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) bench.long.push(one.duration);
  }).observe({ type: "longtask" });
  const told = ({ dataset: { id, version } }) =>
    bench.seen.push([id, Number(version), performance.timeOrigin + performance.now()]);
  new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "attributes") told(target);
      else for (const node of addedNodes) if (node.dataset?.id) told(node);
    }
  }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-version"] });
});
"""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-extensions",
]


def main() -> int:
    """Measures once, and prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=2000)
    parser.add_argument("--updates", type=int, default=500, help="a second")
    parser.add_argument("--lines", type=int, default=5000, help="a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--path", default="/", help="of the page, such as /?lanes=task")
    parser.add_argument("--profile", action="store_true", help="say where the time of the page's script went")
    asked = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [port, asked.executions, asked.updates, asked.lines]
    server = subprocess.Popen([sys.executable, "-m", "bench.board_server", *map(str, words)])
    try:
        print(json.dumps(measured(f"http://127.0.0.1:{port}", asked)))
    finally:
        server.terminate()
        server.wait()
    return 0


def measured(url: str, asked: argparse.Namespace) -> dict[str, Any]:
    """The figures."""
    _until_up(url)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.add_init_script(WATCH)
        page.goto(url + asked.path)
        page.wait_for_selector(".card.is-running")
        page.locator(
            ".card.is-running"
        ).first.click()  # so that at least one log is followed, in the side panel
        page.wait_for_timeout(2000)
        tools = page.context.new_cdp_session(page)
        idle = page.evaluate("bench.frames.splice(0)")[-60:]
        _ask(url, "/go")
        tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = _spent(tools)
        if asked.profile:
            tools.send("Profiler.enable")
            tools.send("Profiler.start")
        page.evaluate("bench.frames.length = bench.seen.length = bench.long.length = 0")
        page.wait_for_timeout(asked.seconds * 1000)
        frames, seen, long = page.evaluate("[bench.frames, bench.seen, bench.long]")
        spent = {name: round((ms - before[name]) / asked.seconds) for name, ms in _spent(tools).items()}
        if asked.profile:
            _tell(tools.send("Profiler.stop")["profile"])
        lines = page.locator(".card .last").count()
        browser.close()
    due = {(one, version): at for one, version, at in _ask(url, "/happened")}
    shown = [at - due[one, version] for one, version, at in seen if (one, version) in due]
    return {
        "bench": "board", "executions": asked.executions, "updates_s": len(due) / asked.seconds, "lines_s": asked.lines,
        "cards_with_lines": lines, "frames": len(frames), **_cuts("frame", frames), **_cuts("idle_frame", idle),
        "long_tasks": len(long), "longest_task_ms": max(long, default=0), **spent,
        "seen": len(shown), **_cuts("shown", shown),
    }  # fmt: skip


def _cuts(name: str, values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {f"{name}_p{q}_ms": round(cuts[q - 1], 1) for q in (50, 95, 99)}


def _spent(tools: Any) -> dict[str, float]:
    """Milliseconds of processor time of the page's main thread: little changed by what else the machine does."""
    found = {one["name"]: one["value"] * 1000 for one in tools.send("Performance.getMetrics")["metrics"]}
    names = {
        "TaskDuration": "busy",
        "ScriptDuration": "script",
        "LayoutDuration": "layout",
        "RecalcStyleDuration": "style",
    }
    return {f"{name}_ms_s": found[metric] for metric, name in names.items()}


def _ask(url: str, path: str) -> Any:
    with urllib.request.urlopen(url + path, timeout=10) as answer:  # noqa: S310 -- our own server
        body = answer.read()
    return json.loads(body) if path == "/happened" else None


def _until_up(url: str) -> None:
    for _ in range(200):
        try:
            _ask(url, "/")
            return
        except OSError:
            time.sleep(0.1)


def _tell(profile: dict[str, Any]) -> None:
    """The functions that took the most time themselves."""
    names = {
        node["id"]: f"{node['callFrame']['functionName']} {node['callFrame']['url'].rpartition('/ui/')[2]}"
        for node in profile["nodes"]
    }
    spent: dict[str, float] = {}
    for node, micros in zip(profile["samples"], profile["timeDeltas"], strict=True):
        spent[names[node]] = spent.get(names[node], 0) + micros / 1000
    for name, ms in sorted(spent.items(), key=lambda one: -one[1])[:25]:
        print(f"{ms:8.0f} ms  {name}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
