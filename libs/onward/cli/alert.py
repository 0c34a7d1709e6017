"""`onward alert …`: what is wrong when, who is told, and what was found."""

import click

from onward.cli import show, words
from onward.cli.options import duration, output
from onward.cli.resource.kinds import text
from onward.cli.resource.noun import Noun
from onward.cli.resource.verbs import group_of
from onward.cli.session import session

NOUN = Noun(
    word="alert",
    plural="alerts",
    columns=lambda: (
        text("name"),
        text("when"),
        text("severity"),
        show.Column("CHANNELS", lambda one: ", ".join(one["channels"]) or "-"),
        show.Column("MUTED UNTIL", lambda one: words.local(one["muted_until"])),
        text("version"),
    ),
    example="""onward alert create failures --set when=execution_failed --set channels='["ops"]'""",
    told=("muted_by",),
)
COMMANDS = {
    "incidents": ("onward.cli.alert:incidents", "List what alerts found, newest first."),
    "mute": ("onward.cli.alert:mute", "Tell nobody of an alert for a while."),
    "unmute": ("onward.cli.alert:unmute", "Tell of an alert again."),
    "test": ("onward.cli.alert:test", "Send a test to the channels of an alert."),
}

alert = group_of(NOUN, "Say what is wrong when, and who is told.", COMMANDS)


@click.command("incidents")
@click.argument("name", required=False)
@click.option("--open", "still_open", is_flag=True, help="Only those that go on.")
@output
def incidents(*, name: str | None, still_open: bool, form: str) -> None:
    """List what alerts found, newest first."""
    here = session()
    columns = [
        text("alert"),
        text("severity"),
        show.Column("OPENED", lambda one: words.local(one["opened_at"])),
        show.Column("RESOLVED", lambda one: words.local(one["resolved_at"])),
        show.Column("COUNT", lambda one: str(one["count"])),
        text("detail"),
    ]
    if not show.records(here, form, here.client.alerting.incidents(name, open=still_open), columns):
        here.note("no incident")


@click.command("mute")
@click.argument("name")
@click.option(
    "--for", "seconds", type=duration, default="1h", show_default=True, metavar="TIME", help="For how long."
)
@output
def mute(*, name: str, seconds: float, form: str) -> None:
    """Tell nobody of an alert for a while; its incidents are kept."""
    here = session()
    found = here.client.resources(NOUN.plural).act(name, "mute", seconds=seconds)
    show.record(
        here, form, found, lambda: [f"alert {name} is muted until {words.local(found['muted_until'])}"]
    )


@click.command("unmute")
@click.argument("name")
@output
def unmute(*, name: str, form: str) -> None:
    """Tell of an alert again."""
    here = session()
    found = here.client.resources(NOUN.plural).act(name, "unmute")
    show.record(here, form, found, lambda: [f"alert {name} tells again"])


@click.command("test")
@click.argument("name")
@output
def test(*, name: str, form: str) -> None:
    """Send a test to the channels of an alert."""
    here = session()
    found = here.client.resources(NOUN.plural).act(name, "test")
    show.record(
        here, form, found, lambda: [f"{one['channel']}: delivery {one['id']}" for one in found["deliveries"]]
    )
