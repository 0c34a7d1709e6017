"""Everything a developer runs, with nothing but a bare Python: install, demo, test, check, lock."""

from __future__ import annotations  # so that a Python that is too old can read this, and say so

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST = (3, 11)
NEW_ENOUGH = f"import sys; sys.exit(sys.version_info < {OLDEST})"


def main(argv: list[str]) -> int:
    """Runs one command and returns its exit code."""
    if sys.version_info < OLDEST:
        return _start_again_on_a_newer_python(argv)
    sys.path.insert(0, str(ROOT))
    from tooling import checks, demo, environment, lock, suite, vendor  # noqa: PLC0415

    own, forwarded = _split(argv)
    options = _parser().parse_args(own)
    if forwarded and options.command != "test":
        _parser().error("arguments after -- are for pytest, so only `test` takes them")
    if options.command == "lock":
        return lock.make(upgrade=options.upgrade)
    if options.command == "vendor":
        return vendor.make()
    if not environment.install():
        return 1
    if options.command == "demo":
        return demo.show(once=options.once or not sys.stdout.isatty())
    if options.command == "check":
        return checks.run_all(fix=options.fix)
    if options.command == "test":
        return (suite.hostile if options.hostile else suite.run)(
            tier=options.tier, pytest_arguments=forwarded
        )
    return 0


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("install", help="make .venv and install the locked requirements and the project")
    demo = commands.add_parser("demo", help="start everything, run the examples, show their outcomes")
    demo.add_argument("--once", action="store_true", help="stop everything afterwards, also on a terminal")
    test = commands.add_parser("test", help="check, then run the tests; arguments after -- go to pytest")
    tiers = test.add_mutually_exclusive_group()
    tiers.add_argument("--fast", dest="tier", action="store_const", const="fast", help="no servers, no check")
    tiers.add_argument("--all", dest="tier", action="store_const", const="all", help="the slow tests as well")
    test.add_argument(
        "--hostile",
        action="store_true",
        help="the journeys only, with hints given back after every event, leases of 1 s, batches of 1, 2 connections",
    )
    test.set_defaults(tier="default")
    check = commands.add_parser(
        "check", help="lint, format, types, imports, file sizes, generated docs, lock"
    )
    check.add_argument("--fix", action="store_true", help="first repair what can be repaired by itself")
    lock = commands.add_parser("lock", help="write requirements.txt again, with hashes")
    lock.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    commands.add_parser("vendor", help="make the pages' one file of libraries again; needs npm")
    return parser


def _start_again_on_a_newer_python(argv: list[str]) -> int:
    for name in ("python3.13", "python3.12", "python3.11", "python3", "python"):
        found = shutil.which(name)
        if found and subprocess.call([found, "-c", NEW_ENOUGH], stderr=subprocess.DEVNULL) == 0:
            os.execv(found, [found, __file__, *argv])  # noqa: S606
    print(f"dev.py needs Python 3.11 or newer, and found only {sys.version.split()[0]} at {sys.executable}.")
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
