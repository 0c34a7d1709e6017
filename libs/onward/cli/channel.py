"""`onward channel …`: where alerts and events are sent, and how that went."""

from typing import Any

import click

from onward.cli import show, words
from onward.cli.options import output
from onward.cli.resource.kinds import text
from onward.cli.resource.noun import Noun
from onward.cli.resource.verbs import group_of
from onward.cli.session import session


def _state(one: dict[str, Any]) -> str:
    if one["disabled_at"]:
        return "disabled"
    return "paused" if one["paused"] else "failing" if one["failing_since"] else "open"


NOUN = Noun(
    word="channel",
    plural="channels",
    columns=lambda: (
        text("name"),
        text("kind"),
        show.Column("TO", lambda one: one["url"] or ", ".join(one["to"]) or "-"),
        show.Column("EVENTS", lambda one: ", ".join(one["events"]) or "-"),
        show.Column("STATE", _state),
        text("version"),
    ),
    example="onward channel create ops --set url=https://example.com/hook",
    told=("signed", "changing_over", "failing_since", "disabled_at", "disabled_because"),
)
COMMANDS = {
    "deliveries": ("onward.cli.channel:deliveries", "List what was sent to a channel, newest first."),
    "delivery": ("onward.cli.channel:delivery", "Show a delivery, with each try."),
    "redeliver": ("onward.cli.channel:redeliver", "Send something again, now."),
    "test": ("onward.cli.channel:test", "Send a test to a channel."),
    "enable": ("onward.cli.channel:enable", "Open a channel again that was disabled."),
    "rotate-secret": (
        "onward.cli.channel:rotate_secret",
        "Make a new secret for a webhook, and show it once.",
    ),
}

channel = group_of(NOUN, "Say where alerts and events are sent, and see how that went.", COMMANDS)


@click.command("deliveries")
@click.argument("name")
@click.option(
    "--status", type=click.Choice(["waiting", "delivered", "failed", "dropped"]), help="Only these."
)
@output
def deliveries(*, name: str, status: str | None, form: str) -> None:
    """List what was sent to a channel, newest first."""
    here = session()
    columns = [
        text("id"),
        text("type"),
        text("status"),
        show.Column("CREATED", lambda one: words.local(one["created_at"])),
        show.Column("TRIES", lambda one: str(one["tries"])),
        show.Column("NEXT", lambda one: words.local(one["next_at"])),
    ]
    if not show.records(here, form, here.client.alerting.deliveries(name, status=status), columns):
        here.note("nothing was sent")


@click.command("delivery")
@click.argument("id")
@output
def delivery(*, id: str, form: str) -> None:
    """Show a delivery, with each try."""
    _show(session().client.alerting.delivery(id), form)


@click.command("redeliver")
@click.argument("id")
@output
def redeliver(*, id: str, form: str) -> None:
    """Send something again, now; its webhook-id stays."""
    _show(session().client.alerting.redeliver(id), form)


@click.command("test")
@click.argument("name")
@output
def test(*, name: str, form: str) -> None:
    """Send a test to a channel."""
    here = session()
    found = here.client.resources(NOUN.plural).act(name, "test")
    show.record(here, form, found, lambda: [f"delivery {one['id']}" for one in found["deliveries"]])


@click.command("enable")
@click.argument("name")
@output
def enable(*, name: str, form: str) -> None:
    """Open a channel again that was disabled."""
    here = session()
    found = here.client.resources(NOUN.plural).act(name, "enable")
    show.record(here, form, found, lambda: [f"channel {name} is open"])


@click.command("rotate-secret")
@click.argument("name")
@output
def rotate_secret(*, name: str, form: str) -> None:
    """Make a new secret for a webhook, and show it once; the one before signs as well, until the next change."""
    here = session()
    found = here.client.resources(NOUN.plural).act(name, "rotate-secret")
    show.record(here, form, found, lambda: [found["secret"]])


def _show(found: dict[str, Any], form: str) -> None:
    def told() -> list[str]:
        lines = [f"{found['id']}  {found['type']}  {found['status']}", found["body"]]
        for one in found["log"]:
            came = one["error"] or f"{one['code']} {one['answer'] or ''}".strip()
            lines.append(f"try {one['try']}  {words.local(one['at'])}  {one['duration_ms']:.0f} ms  {came}")
        return lines

    show.record(session(), form, found, told)
