"""`onward up | down | reset`: everything on this machine, started, stopped, deleted."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from onward.cli import exits, installed, show
from onward.cli.exits import Told
from onward.cli.options import output
from onward.cli.session import Session, session
from onward.cli.web import show_in_browser

if TYPE_CHECKING:
    from onward.cli.embedded.report import UpReport
    from onward.cli.embedded.state import Running

_DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where its data is kept; otherwise ONWARD_HOME, or ~/.onward.",
)


@click.command()
@_DATA_DIR
@click.option(
    "--port", type=click.IntRange(1, 65_535), help="Of the gateway; otherwise 8900 or the next free one."
)
@click.option(
    "--workers", type=click.IntRange(0, 64), default=1, show_default=True, help="How many to start."
)
@click.option("--slots", type=click.IntRange(1, 10_000), help="Executions that each worker runs at once.")
@click.option(
    "--tasks", multiple=True, metavar="MODULE", help="Offer the tasks of this module; may be repeated."
)
@click.option(
    "--queue", "queues", multiple=True, metavar="NAME", help="What the workers take from; may be repeated."
)
@click.option(
    "--nats-url", metavar="URL", envvar="ONWARD_NATS_URL", help="Use this NATS; otherwise one is started."
)
@click.option("--nats-sys-url", metavar="URL", envvar="ONWARD_NATS_SYS_URL", help="Its system account.")
@click.option(
    "--database-url",
    metavar="URL",
    envvar="ONWARD_DATABASE_URL",
    help="Use this Postgres; otherwise one is started.",
)
@click.option("--detach", is_flag=True, help="Return when everything is ready, and leave it running.")
@click.option(
    "--no-open", is_flag=True, help="Open no browser; the link that signs in is printed all the same."
)
@output
def up(
    *,
    data_dir: Path | None,
    port: int | None,
    workers: int,
    slots: int | None,
    tasks: tuple[str, ...],
    queues: tuple[str, ...],
    nats_url: str | None,
    nats_sys_url: str | None,
    database_url: str | None,
    detach: bool,
    no_open: bool,
    form: str,
) -> int:
    """Start everything on this machine and keep it running; Ctrl-C stops it, the data stays.

    The servers, the services and workers are started as children of this command. The address and the key go into the
    profile that every other `onward` command reads.
    """
    from onward.cli.embedded import control
    from onward.cli.embedded.options import UpOptions

    here = session()
    options = UpOptions(
        data_dir=installed.folder(here, data_dir),
        port=port,
        workers=workers,
        slots=slots,
        tasks=tasks,
        queues=queues,
        nats_url=nats_url or None,
        nats_sys_url=nats_sys_url or None,
        database_url=database_url or None,
    )
    if detach:
        running = control.start(options)
        _tell(here, form, running, opens=not no_open)
        return exits.COMPLETED
    return control.run_in_foreground(options, lambda report: _hear(here, form, report, opens=not no_open))


@click.command()
@_DATA_DIR
@output
def down(data_dir: Path | None, form: str) -> None:
    """Stop what `up` started; the data stays."""
    from onward.cli.embedded import control

    here = session()
    stopped = control.stop(installed.folder(here, data_dir))
    summary = {"stopped": True, "data_dir": stopped.data_dir}
    show.record(here, form, summary, lambda: [f"stopped; the data stays in {stopped.data_dir}"])


@click.command()
@_DATA_DIR
@click.option("--yes", is_flag=True, help="Do not ask.")
@output
def reset(*, data_dir: Path | None, yes: bool, form: str) -> None:
    """Stop everything and delete its data, for good."""
    from onward.cli.embedded import control
    from onward.cli.embedded.data_dir import find_data_dir

    here = session()
    directory = find_data_dir(installed.folder(here, data_dir)).root
    if not yes:
        _ask(here, directory)
    if control.status(directory) is not None:
        control.stop(directory)
    control.reset(directory)
    summary = {"deleted": True, "data_dir": str(directory)}
    show.record(here, form, summary, lambda: [f"{directory} is deleted"])


def _ask(here: Session, directory: Path) -> None:
    import sys

    if not sys.stdin.isatty():
        raise Told(
            f"this deletes every execution in {directory}",
            fix="say so with --yes, since nobody can be asked here",
            code="not_confirmed",
        )
    here.note(f"This deletes every execution, log and key in {directory}.")
    if not click.confirm("Delete it?", err=True):
        raise click.Abort


def _hear(here: Session, form: str, report: "UpReport", *, opens: bool) -> None:
    from onward.cli.embedded.report import AllReady, line

    here.note(line(report))
    if isinstance(report, AllReady):
        _tell(here, form, report.running, opens=opens)


def _tell(here: Session, form: str, running: "Running", *, opens: bool) -> None:
    """Ends standard output with what was started: one line of JSON for a program."""
    if form in {"json", "ndjson"}:
        here.print(show.compact(running.summary()))
    elif form == "yaml":
        here.print(show.yaml(running.summary()))
    else:
        here.print(running.url)
        show_in_browser(here, running.url, running.api_key, opens=opens)
        here.hint("""onward run shell -i '{"command": "echo hello"}' --follow""")
        here.hint("onward execution list")
    here.flush()
