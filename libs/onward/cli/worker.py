"""`onward worker …`: who runs executions, and one more of them here."""

import os
import sys
from collections import Counter
from pathlib import Path
from typing import NoReturn

import click

from onward.cli import installed, show, table, words
from onward.cli.lazy import LazyGroup
from onward.cli.options import output
from onward.cli.session import Session, session

COMMANDS = {
    "list": ("onward.cli.worker:listing", "List the workers that are there."),
    "get": ("onward.cli.worker_orders:get", "Show one worker, and what it runs."),
    "drain": ("onward.cli.worker_orders:drain", "Let workers finish what they run, and take nothing new."),
    "pause": ("onward.cli.worker_orders:pause", "Let workers take nothing new until they are resumed."),
    "resume": ("onward.cli.worker_orders:resume", "Let paused or draining workers take again."),
    "slots": ("onward.cli.worker_orders:slots", "Set how many executions a worker runs at once."),
    "start": ("onward.cli.worker:start", "Start a worker here, for the tasks of these modules."),
}

_STYLES = {
    "listening": table.GREEN, "paused": table.YELLOW, "draining": table.YELLOW, "drained": table.GREY,
    "gone": table.GREY,
}  # fmt: skip


@click.group(cls=LazyGroup, lazy=COMMANDS)
def worker() -> None:
    """List workers, start one here, or tell one what to do."""


@click.command("list")
@output
def listing(form: str) -> None:
    """List the workers that are there: that gave a sign of life in the last seconds."""
    here = session()
    now = here.now()
    columns = [
        show.Column("WORKER", lambda one: one["worker_id"]),
        show.Column("STATUS", lambda one: one["status"], lambda one: _STYLES.get(one["status"], "")),
        show.Column("SLOTS", lambda one: f"{one['busy']}/{one['slots']}"),
        show.Column("QUEUES", lambda one: ",".join(one["queues"])),
        show.Column("HOST", lambda one: f"{one['host']}:{one['pid']}"),
        show.Column("VERSION", lambda one: one["version"]),
        show.Column("STARTED", lambda one: words.ago(one["started_at"], now)),
        show.Column("SEEN", lambda one: words.ago(one["last_seen"], now)),
        show.Column("TASKS", lambda one: ",".join(one["tasks"])),
    ]
    workers = list(here.client.workers.list())
    versions = Counter(one["version"] for one in workers if one["status"] != "gone")
    if len(versions) > 1:
        each = ", ".join(f"{version} ({count})" for version, count in sorted(versions.items()))
        here.note(f"these workers are of different releases: {each}")
    if not show.records(here, form, workers, columns):
        here.note("no worker is there: executions wait until one is")
        here.hint("onward worker start")


@click.command()
@click.argument("modules", metavar="[MODULE]...", nargs=-1)
@click.option(
    "--queue",
    "queues",
    multiple=True,
    metavar="NAME[=WEIGHT]",
    help="Take from this queue; may be repeated. Of urgent=4 and default=1, four times as much of the first.",
)
@click.option("--slots", type=click.IntRange(1, 10_000), help="Executions at once.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="The `onward up` on this machine to work for."
)
def start(
    modules: tuple[str, ...], queues: tuple[str, ...], slots: int | None, data_dir: Path | None
) -> NoReturn:
    """Start a worker here, for the tasks of these modules and the shipped ones.

    It works for ONWARD_NATS_URL, or for the `onward up` that runs on this machine. The first Ctrl-C lets running code
    finish, the second ends it at once.
    """
    here = session()
    env = _environment(here)
    env.setdefault("ONWARD_NATS_URL", "")
    env["ONWARD_NATS_URL"] = env["ONWARD_NATS_URL"] or installed.worker_nats_url(here, data_dir)
    if modules:
        env["ONWARD_TASKS"] = ",".join(modules)
    if queues:
        env["ONWARD_QUEUES"] = ",".join(queues)
    if slots is not None:
        env["ONWARD_SLOTS"] = str(slots)
    here.flush()
    # In place of this process, so that signals, exit code and `ps` are the worker's own.
    os.execve(sys.executable, [sys.executable, "-m", "onward_worker"], env)  # noqa: S606 -- no shell is wanted


def _environment(here: Session) -> dict[str, str]:
    """What this command's own options are set by would be unknown settings to a worker."""
    return {name: value for name, value in here.env.items() if not name.startswith("ONWARD_WORKER_START_")}
