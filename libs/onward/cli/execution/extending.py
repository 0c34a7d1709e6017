"""`onward execution extend`."""

import click

from onward.cli import exits, ids, options, show
from onward.cli.execution import telling
from onward.cli.exits import EXPLAINED
from onward.cli.options import output
from onward.cli.session import session


@click.command(epilog=EXPLAINED)
@ids.argument()
@click.option(
    "--attempt", type=options.duration, help="The longest that an attempt may take, from its claim."
)
@click.option(
    "--execution", type=options.duration, help="The longest that all of it may take, from its beginning."
)
@click.option("--queue", type=options.duration, help="The longest that it may wait for its first worker.")
@click.option(
    "--heartbeat", type=options.duration, help="The longest that its code may give no sign of life."
)
@output
def extend(*, id: str, form: str, **limits: float | None) -> int:
    """Change the limits of an execution while it lives; what is not named stays."""
    here = session()
    changes = {kind: limit for kind, limit in limits.items() if limit is not None}
    if not changes:
        raise click.UsageError("name a limit: --attempt, --execution, --queue or --heartbeat")
    found = here.client.amend(ids.whole(here, id), dict(changes))
    show.record(here, form, found, lambda: [f"{found['id']}  {telling.change(found, here)}"])
    return exits.COMPLETED
