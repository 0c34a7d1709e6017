"""What must hold before tests are worth running: style, types, imports, sizes, generated pages, lock."""

import os
import time
from collections.abc import Callable

from tooling import page_check, pages, rules, vendor
from tooling.steps import PYTHON, ROOT, StepFailed, quietly, step

ON_CI = os.environ.get("CI", "").lower() in {"1", "true"}
Check = Callable[[], list[str]]

TYPED = ["libs", "services", "examples", "tooling", "dev.py"]
LINT_IMPORTS = (
    "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
)


def run_all(*, fix: bool = False) -> int:
    """Runs every check, also after one has failed, and returns 1 if any did."""
    started = time.monotonic()
    if fix:
        repair()
    failed = [what for what, check in CHECKS.items() if not _passes(what, check)]
    took = f"{time.monotonic() - started:.1f} s"
    print(
        f"check: {len(failed)} of {len(CHECKS)} failed in {took}"
        if failed
        else f"check: all passed in {took}"
    )
    return 1 if failed else 0


def repair() -> None:
    """Lets the tools repair what they can, and writes the generated pages again."""
    quietly([PYTHON, "-m", "ruff", "check", "--fix", "--quiet", "."])
    quietly([PYTHON, "-m", "ruff", "format", "--quiet", "."])
    for page in pages.existing():
        page.path.write_text(page.generated())


def _passes(what: str, check: Check) -> bool:
    try:
        with step(what) as remarks:
            remarks.extend(check())
    except StepFailed:
        return False
    return True


def _tool(*arguments: str) -> Check:
    def check() -> list[str]:
        done = quietly([PYTHON, *arguments])
        if done.returncode != 0:
            raise StepFailed(done.stdout)
        return []

    return check


def _sizes() -> list[str]:
    too_long, long = rules.oversized(ROOT)
    _none_of(
        too_long, f"a file of more than {rules.LONGEST} lines is several things: split it by responsibility"
    )
    return [f"{file}: is it still one thing?" for file in long]


def _names() -> list[str]:
    return _none_of(rules.drawers(ROOT), "name a module for what it does, not for being a drawer")


def _lock() -> list[str]:
    return _none_of(rules.addresses(ROOT), "run `python3 dev.py lock`")


def _pages() -> list[str]:
    return _none_of(pages.stale(), "run `python3 dev.py check --fix`")


def _vendor() -> list[str]:
    try:
        return _none_of(vendor.stale(), "run `python3 dev.py vendor`")
    except vendor.NotFetched:
        return ["NOT COMPARED: the pinned packages cannot be fetched"]


def _page_types() -> list[str]:
    try:
        return _none_of(
            page_check.findings(), "types of answers are in ui/types.d.ts, made of docs/openapi.json"
        )
    except vendor.NotFetched as missing:
        if ON_CI and page_check.NODE is None:
            raise
        return [f"NOT RUN: {missing}"]


def _none_of(findings: list[str], remedy: str) -> list[str]:
    if findings:
        raise StepFailed("\n".join([*findings, remedy]))
    return []


CHECKS: dict[str, Check] = {
    # Without the cache: what counts as our own package depends on other files, which the cache does not look at.
    "ruff check": _tool("-m", "ruff", "check", "--no-cache", "--quiet", "--output-format=concise", "."),
    "ruff format": _tool("-m", "ruff", "format", "--check", "--output-format=concise", "."),
    "mypy --strict": _tool("-m", "mypy", "--strict", *TYPED),
    "imports point down": _tool("-c", LINT_IMPORTS),
    "file sizes": _sizes,
    "module names": _names,
    "generated pages": _pages,
    "lock without addresses": _lock,
    "vendored script": _vendor,
    "types of the pages": _page_types,
}
