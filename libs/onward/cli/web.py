"""`onward open`, and the link of `onward up`: the web interface, signed in as whoever the key belongs to."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from onward.cli import show
from onward.cli.options import output
from onward.cli.session import Session, session

if TYPE_CHECKING:
    from onward.client.client import Client


@click.command("open")
@click.option("--print", "only_print", is_flag=True, help="Print the link, and open nothing.")
@output
def open_page(*, only_print: bool, form: str) -> None:
    """Open the board in a browser, signed in.

    The link is good for five minutes, and for one use.
    """
    here = session()
    url, expires_at = _link(here.client)
    if not only_print:
        _open(url)
    show.record(here, form, {"url": url, "expires_at": expires_at}, lambda: [url])


def show_in_browser(here: Session, url: str, api_key: str, *, opens: bool) -> None:
    """Tells a person the link that signs in to what was just started, and opens it where there is a screen."""
    from onward.client.client import Client
    from onward.client.problem import ApiProblem

    try:
        with Client(url, api_key, patience=1.0) as client:
            link, _ = _link(client)
    except (ApiProblem, OSError):
        here.note("the board: onward open")
        return
    here.note(f"the board, signed in (once, within five minutes): {link}")
    if opens and here.live and has_screen(here.env):
        _open(link)


def has_screen(env: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether a browser that is opened can be seen: not where one would take over the terminal."""
    if env.get("SSH_CONNECTION"):
        return False
    return platform == "darwin" or bool(env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"))


def _link(client: "Client") -> tuple[str, str]:
    link = client.sign_in_link()
    return f"{client.url.rstrip('/')}{link['path']}", link["expires_at"]


def _open(url: str) -> None:
    import webbrowser

    webbrowser.open(url)
