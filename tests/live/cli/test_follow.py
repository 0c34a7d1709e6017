"""Following a log over the death of what serves it."""

import os
import signal
import subprocess
import sys
import time

LINES = 20_000


def test_a_followed_log_equals_the_stored_one_over_three_deaths_of_the_gateway(installation, begin, tmp_path):
    one = installation.onward("run", "chatty", "-i", f'{{"lines": {LINES}}}').out.strip()
    followed = tmp_path / "followed"
    with followed.open("w") as out:
        following = begin("execution", "logs", one, "--follow", stdout=out, stderr=subprocess.PIPE)
        for share in (0.1, 0.3, 0.5):
            _until(lambda share=share: followed.stat().st_size > share * LINES * 10)
            _kill_gateway(installation)
        code = following.wait(60)
        told = following.stderr.read()

    assert code == 0, told
    assert followed.read_text() == "".join(f"line {n}\n" for n in range(1, LINES + 1))
    assert installation.onward("execution", "logs", one).out == followed.read_text()


def _kill_gateway(installation):
    """Kill -9, and wait until `up` has started another one."""
    pid = _gateway(installation)
    os.kill(pid, signal.SIGKILL)
    _until(lambda: _gateway(installation) not in {pid, None})


def _gateway(installation):
    code = (
        "import sys; from pathlib import Path; from onward.cli.embedded.control import status;"
        "running = status(Path(sys.argv[1])); child = running.children.get('gateway');"
        "print(child.pid if child else '')"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, installation.said["data_dir"]],
        env=installation.env,
        capture_output=True,
        text=True,
    )
    return int(told.stdout) if told.stdout.strip() else None


def _until(holds, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)
