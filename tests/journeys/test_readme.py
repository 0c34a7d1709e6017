"""The README's first command, as it stands there."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(200)
def test_the_demo_starts_everything_runs_the_examples_and_leaves_nothing_behind() -> None:
    assert "python3 dev.py demo" in (ROOT / "README.md").read_text()
    done = subprocess.run(
        [sys.executable, "dev.py", "demo", "--once"], cwd=ROOT, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "demo: all ended as meant" in done.stdout
    assert done.stdout.count("completed ") >= 3
    folder = next(
        line.split("data in ")[1].split(" ")[0] for line in done.stdout.splitlines() if "data in " in line
    )
    assert not Path(folder).exists()
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(folder.encode() in command for command in running)
