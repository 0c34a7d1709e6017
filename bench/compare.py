"""Onward and others by turns, in one run: `python -m bench.compare --peers DIR --peer restate,taskiq --runs 3`.

DIR holds a script for each, `peer_<name>.py`, which takes --profile, --workload, --runs, --n and prints a JSON line a
run, as `python -m bench.run` does. Each round takes each workload, and measures for each peer Onward and then the peer:
what is compared was measured within a minute. A run in which others took much of the machine is made once more.
A peer is `name` or `name:profile`. One that is not installed is told as not run, with the reason.

All lines go to one file (--out); `python -m bench.report FILE` makes tables of it.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from bench.peers import Peer, peer
from bench.run import PROFILES, WORKLOADS

Line = dict[str, Any]
ONLY_OURS = {"w1b": "a batch is one call of ours"}
USUAL = "w1,w1b,w2,w3,w4,w5"
_PATIENCE = 900.0
_ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Measures everything, and says where the lines are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", type=Path, required=True, metavar="DIR", help="the scripts of the others")
    parser.add_argument("--peer", default="restate,absurd,dbos,taskiq", help="names, joined by commas")
    parser.add_argument(
        "--python", type=Path, help="the Python that has them; otherwise DIR/../venv's, or DIR/venv's"
    )
    parser.add_argument("--profile", choices=PROFILES, default="default", help="of Onward")
    parser.add_argument("--workload", default=USUAL)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--n", type=int, default=0, help="executions of each run, for a short try")
    parser.add_argument(
        "--sparing", action="store_true", help="Onward once a round of a workload, not before each peer"
    )
    parser.add_argument("--out", type=Path, default=Path("comparison.jsonl"))
    asked = parser.parse_args()
    asked.peers = asked.peers.resolve()
    asked.python = asked.python or _python(asked.peers)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    peers = {one: _missing(asked.python, asked.peers, one) for one in map(peer, asked.peer.split(","))}
    with asked.out.open("a") as out:
        for number in range(1, asked.runs + 1):
            for workload in asked.workload.split(","):
                for line in turns(asked, workload, peers):
                    out.write(json.dumps({"round": number, **line}) + "\n")
                    out.flush()
                    print(_short(number, line), flush=True)
    print(f"python -m bench.report {asked.out}")
    return 0


def turns(asked: argparse.Namespace, workload: str, peers: dict[Peer, str]) -> Iterator[Line]:
    """One round of a workload; `peers` have a reason where they are missing."""
    ours = [sys.executable, "-m", "bench.run", *_arguments(asked.profile, workload, asked.n)]
    first = {"peer": "onward", "profile": asked.profile, "workload": workload}
    present = [other for other, missing in peers.items() if not missing]
    if workload in ONLY_OURS or not present or asked.sparing:
        yield from _measured(ours, _ROOT, {**first, "beside": "all"})
    if workload in ONLY_OURS:
        return
    for other, missing in peers.items():
        who = {"peer": other.name, "profile": other.profile, "workload": workload, "beside": str(other)}
        if missing:
            yield {**who, "not_run": missing}
            continue
        if not asked.sparing:
            yield from _measured(ours, _ROOT, {**first, "beside": str(other)})
        # By its name alone: some name their tasks for the path that they were started by.
        arguments = _arguments(other.profile, workload, asked.n or other.count(workload))
        yield from _measured([str(asked.python), other.script, *arguments], asked.peers, who)


def _arguments(profile: str, workload: str, count: int) -> list[str]:
    sized = ["--n", str(count)] if count and workload not in {"w2", "w4", "fs"} else []
    return ["--profile", profile, "--workload", workload, "--runs", "1", *sized]


def _measured(command: list[str], folder: Path, told: Line) -> list[Line]:
    """The lines that a program prints; or one that says why there is none."""
    text, why = _ran(command, folder, _PATIENCE)
    lines = [{**told, **json.loads(line)} for line in text.splitlines() if line.startswith("{")]
    return lines or [{**told, "not_run": why}]


def _missing(python: Path, folder: Path, other: Peer) -> str:
    """Why it cannot be asked at all; empty where it can."""
    if not (folder / other.script).is_file():
        return f"there is no {folder / other.script}"
    helped, why = _ran([str(python), other.script, "--help"], folder, 60)
    return "" if helped else why


def _ran(command: list[str], folder: Path, patience: float) -> tuple[str, str]:
    """What a program printed, and how it ended."""
    with TemporaryFile("w+") as errors:
        program = subprocess.Popen(
            command, cwd=folder, env={**os.environ, "DO_NOT_TRACK": "1"}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            text, _ = program.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            return _stopped(program), f"not done within {patience:.0f} s"
        except BaseException:
            _stopped(program)
            raise
        errors.seek(0)
        return text, (errors.read().strip().splitlines() or [f"exit code {program.returncode}"])[-1][:300]


def _stopped(program: "subprocess.Popen[str]") -> str:
    """Asks it to stop, with what it has started, and waits. What it printed."""
    program.send_signal(signal.SIGTERM)
    try:
        return program.communicate(timeout=60)[0]
    except subprocess.TimeoutExpired:
        program.kill()
        return program.communicate()[0]


def _python(folder: Path) -> Path:
    for place in (folder.parent, folder):
        if (found := place / "venv" / "bin" / "python").is_file():
            return found
    return Path(shutil.which("python3") or sys.executable)


def _short(number: int, line: Line) -> str:
    telling = ("not_run", "error", "na", "exec_per_s", "result", "steps_per_s", "kill_to_progress_s",
               "cold_to_first_result_s", "fsyncs_per_noop", "others_cpu_pct")  # fmt: skip
    told = {name: line[name] for name in telling if name in line}
    at = time.strftime("%H:%M:%S")
    return f"{at} {number} {line['workload']:4} {line['peer']}:{line['profile']} {json.dumps(told)}"


if __name__ == "__main__":
    assert WORKLOADS.keys() >= ONLY_OURS.keys()
    sys.exit(main())
