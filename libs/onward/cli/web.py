"""`onward open`: the web interface, signed in as whoever the key belongs to."""

import click

from onward.cli import show
from onward.cli.options import output
from onward.cli.session import session


@click.command("open")
@click.option("--print", "only_print", is_flag=True, help="Print the link, and open nothing.")
@output
def open_page(*, only_print: bool, form: str) -> None:
    """Open the board in a browser, signed in.

    The link is good for five minutes, and for one use.
    """
    here = session()
    link = here.client.sign_in_link()
    url = f"{here.profile.url.rstrip('/')}{link['path']}"
    if not only_print:
        import webbrowser

        webbrowser.open(url)
    show.record(here, form, {"url": url, "expires_at": link["expires_at"]}, lambda: [url])
