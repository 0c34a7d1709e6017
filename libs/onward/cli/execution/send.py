"""`onward execution send`."""

import click

from onward.cli import exits, ids, show
from onward.cli.exits import EXPLAINED
from onward.cli.options import output, read_json
from onward.cli.session import session

EXAMPLES = """\b
Examples:
  onward execution send 019bd2f0 paid -v '{"amount": 12}'
  onward execution send 019bd2f0 paid -v @payment.json --key payment-4711

"""


@click.command(epilog=EXAMPLES + EXPLAINED)
@ids.argument()
@click.argument("name", metavar="NAME")
@click.option("-v", "--value", metavar="JSON", help="Its value: JSON, @file, or - for standard input.")
@click.option("--key", metavar="TEXT", help="The same key is taken only once, however often it is sent.")
@output
def send(*, id: str, name: str, value: str | None, key: str | None, form: str) -> int:
    """Send an event to an execution.

    Code that waits for it goes on; else it is kept until some does.
    """
    here = session()
    given = None if value is None else read_json(value, "the value")
    taken = here.client.send_event(ids.whole(here, id), name, given, key=key)
    told = "was sent before, under the same key" if taken["duplicate"] else "is stored"
    show.record(here, form, taken, lambda: [f"{taken['execution_id']}  event {taken['name']} {told}"])
    return exits.COMPLETED
