"""Makes services/onward_gateway/ui/vendor.js: the few libraries of the pages, from pinned packages, in one file."""

import functools
import shutil
import tempfile
from pathlib import Path

from tooling.steps import ROOT, StepFailed, quietly, step

FROM = ROOT / "tooling" / "vendor"
SCRIPT = ROOT / "services" / "onward_gateway" / "ui" / "vendor.js"
LICENCES = SCRIPT.with_name("vendor.licences.txt")
BUNDLE = (
    "--bundle",
    "--minify",
    "--format=esm",
    "--legal-comments=none",
    "--target=es2022",
    "--log-level=warning",
)
QUIETLY = ("--no-audit", "--no-fund", "--ignore-scripts", "--silent")
BRIEFLY = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=3000")
PACKAGES = ("preact", "@preact/signals", "@preact/signals-core", "htm", "ansi_up")


class NotFetched(StepFailed):
    """The pinned packages cannot be had just now."""


def make() -> int:
    """Writes the script and the licences again."""
    try:
        with step(f"make {SCRIPT.name} from tooling/vendor"):
            made = built()
    except StepFailed:
        return 1
    for path, text in made.items():
        path.write_text(text)
    return 0


def stale() -> list[str]:
    """Returns the files that differ from what the pinned packages make; none where there is no npm to ask."""
    if shutil.which("npm") is None:
        return []
    return [
        f"{path.relative_to(ROOT)} differs from what `python3 dev.py vendor` makes"
        for path, text in built().items()
        if not path.exists() or path.read_text() != text
    ]


def built() -> dict[Path, str]:
    """Returns both files as they must be. Raises StepFailed."""
    modules = packages()
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / "out.js"
        _run(modules / ".bin" / "esbuild", FROM / "vendor.js", *BUNDLE, f"--outfile={made}")
        licences = "\n".join(_licence(modules / package, package) for package in PACKAGES)
        return {SCRIPT: made.read_text(), LICENCES: licences}


@functools.cache
def _fetching() -> str:
    """Returns why the pinned packages cannot be had, or nothing; asked once, since a silent network takes its time."""
    try:
        _run("npm", "ci", *QUIETLY, *BRIEFLY, "--prefix", FROM)
    except StepFailed as failed:
        return str(failed).strip() or "npm cannot fetch the pinned packages"
    return ""


def packages() -> Path:
    """Returns the folder of the pinned packages, fetched again when the lock has changed. Raises NotFetched."""
    modules, lock = FROM / "node_modules", (FROM / "package-lock.json").read_text()
    stamp = modules / ".onward-lock"
    if not stamp.exists() or stamp.read_text() != lock:
        if why := _fetching():
            raise NotFetched(why)
        stamp.write_text(lock)
    return modules


def _licence(folder: Path, package: str) -> str:
    return f"{package}\n{'=' * len(package)}\n\n{(folder / 'LICENSE').read_text().strip()}\n"


def _run(*command: object) -> None:
    done = quietly([str(word) for word in command])
    if done.returncode != 0:
        raise StepFailed(done.stdout)
