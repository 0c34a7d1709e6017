"""A test that failed among the others is tried once more, alone, and is named whatever comes of it (docs/adr/0019)."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

MOST = 3
"""More than these is no bad luck on a busy machine: nothing is tried again."""
FAILED = 1
"""What pytest exits with where tests ran and some failed."""


def run(pytest: Callable[..., int], arguments: list[str]) -> tuple[int, list[str]]:
    """Runs pytest, and what failed again; the exit code that counts, and the tests that are unsteady."""
    with tempfile.TemporaryDirectory(prefix="onward-tests-") as folder:
        cached = ["-o", f"cache_dir={folder}"]
        code = pytest(*cached, *arguments)
        names = _failed(Path(folder)) if code == FAILED else []
        # A name without a test is a file that could not be read: that is no matter of luck.
        if not 0 < len(names) <= MOST or any("::" not in name for name in names):
            return code, []
        print(f"tried once more, alone: {', '.join(names)}", flush=True)
        code = pytest(*cached, *names)
        still = set(_failed(Path(folder)))
        return code, [name for name in names if name not in still]


def _failed(cache: Path) -> list[str]:
    kept = cache / "v" / "cache" / "lastfailed"
    return sorted(json.loads(kept.read_text())) if kept.is_file() else []
