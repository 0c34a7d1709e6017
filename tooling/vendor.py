"""Makes services/onward_gateway/ui/vendor.js: the few libraries of the pages, from pinned packages, in one file."""

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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in FROM.iterdir():
            if file.is_file():
                shutil.copy(file, folder)
        try:
            _run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix", folder)
        except StepFailed as failed:
            raise NotFetched(str(failed)) from None
        bundler = folder / "node_modules" / ".bin" / "esbuild"
        _run(bundler, folder / "vendor.js", *BUNDLE, f"--outfile={folder / 'out.js'}")
        licences = "\n".join(_licence(folder / "node_modules" / package, package) for package in PACKAGES)
        return {SCRIPT: (folder / "out.js").read_text(), LICENCES: licences}


def _licence(folder: Path, package: str) -> str:
    return f"{package}\n{'=' * len(package)}\n\n{(folder / 'LICENSE').read_text().strip()}\n"


def _run(*command: object) -> None:
    done = quietly([str(word) for word in command])
    if done.returncode != 0:
        raise StepFailed(done.stdout)
