"""`onward admin …`: what an operator does to what is derived from the log."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from onward.cli import installed
from onward.cli.lazy import LazyGroup
from onward.cli.session import session

COMMANDS = {
    "rebuild": ("onward.cli.admin:rebuild", "Empty the tables in Postgres and fill them again from the log."),
    "verify": ("onward.cli.admin:verify", "Compare the tables in Postgres with the log."),
    "mend": ("onward.cli.admin:mend", "Bring back into the log what it has lost, from Postgres."),
}
_DATA_DIR = click.option(
    "--data-dir", type=click.Path(path_type=Path), help="The `onward up` on this machine that is meant."
)


@click.group(cls=LazyGroup, lazy=COMMANDS)
def admin() -> None:
    """Rebuild or verify what is derived from the log.

    Needs ONWARD_NATS_URL and ONWARD_DATABASE_URL, or an `onward up` that runs on this machine.
    """


@click.command()
@_DATA_DIR
def rebuild(data_dir: Path | None) -> NoReturn:
    """Empty the tables in Postgres and fill them again from the log; nothing is lost by it."""
    _state("rebuild", data_dir)


@click.command()
@_DATA_DIR
def verify(data_dir: Path | None) -> NoReturn:
    """Compare the tables in Postgres with the log, and say where they differ."""
    _state("verify", data_dir)


@click.command()
@_DATA_DIR
def mend(data_dir: Path | None) -> NoReturn:
    """Bring back into the log what it has lost, from Postgres: after damage, or an older copy that was put back."""
    _state("mend", data_dir)


def _state(verb: str, data_dir: Path | None) -> NoReturn:
    here = session()
    env = dict(here.env)
    if not (env.get("ONWARD_NATS_URL") and env.get("ONWARD_DATABASE_URL")):
        found = installed.running(here, data_dir)
        env |= {"ONWARD_NATS_URL": found.nats_url, "ONWARD_DATABASE_URL": found.database_url}
    here.flush()
    # In place of this process, so that signals and exit code are its own.
    os.execve(sys.executable, [sys.executable, "-m", "onward_execution_state", verb], env)  # noqa: S606 -- no shell is wanted
