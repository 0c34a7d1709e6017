"""`onward webhook …`: what others call to start executions or to send events."""

from onward.cli import show
from onward.cli.resource.noun import Noun
from onward.cli.resource.verbs import group_of

OWN = {
    "create": ("onward.cli.webhook.making:create", "Create a webhook, and show its secret this once."),
    "rotate": (
        "onward.cli.webhook.making:rotate",
        "Make a new secret, shown this once; the old one stays good for a while.",
    ),
}


def _does(one: show.Json) -> str:
    if one["event"]:
        return f"sends {one['event']['name']}"
    return f"starts {(one['submission'] or {}).get('task', '-')}"


NOUN = Noun(
    word="webhook",
    plural="webhooks",
    columns=lambda: (
        show.Column("NAME", lambda one: one["name"]),
        show.Column("DOES", _does),
        show.Column("PATH", lambda one: one["path"]),
        show.Column("A MINUTE", lambda one: str(one["per_minute"])),
        show.Column("SECRETS", lambda one: str(one["secrets"])),
        show.Column(
            "STATE", lambda one: "paused" if one["paused"] else "open" if one["secrets"] else "closed"
        ),
    ),
    example="""onward webhook create paid --task ship -i '{"order": "{{body.order.id}}"}'""",
    told=("path", "secrets"),
)

webhook = group_of(NOUN, "Let others start executions and send events, by signed calls.", OWN)
