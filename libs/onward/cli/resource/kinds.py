"""The words and columns of each kind of resource. A new kind is an entry here, and a line in `root.COMMANDS`."""

import json

from onward.cli import show, words
from onward.cli.resource.noun import Noun
from onward.cli.resource.verbs import group_of
from onward.cli.session import session


def text(member: str) -> show.Column:
    """A column that shows a member as it is."""
    return show.Column(member.upper().replace("_", " "), lambda one: _text(one[member]))


def changed() -> tuple[show.Column, ...]:
    """The columns that end every list: which version it is, how old, and by whom."""
    return (
        text("version"),
        show.Column("CHANGED", lambda one: words.ago(one["updated_at"], session().now())),
        show.Column("BY", lambda one: one["updated_by"] or "-"),
    )


def _text(value: object) -> str:
    if value is None or (isinstance(value, dict | list) and not value):
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


ENVIRONMENT = Noun(
    word="environment",
    plural="environments",
    columns=lambda: (
        text("name"),
        text("description"),
        show.Column("VARIABLES", lambda one: ", ".join(sorted(one["variables"])) or "-"),
        show.Column("QUEUES", lambda one: ", ".join(one["queues"]) or "-"),
        show.Column("WORKERS", lambda one: str(len(one["workers"]))),
        *changed(),
    ),
    example="onward environment create prod --set variables.REGION=eu",
    told=("queues", "workers"),
)


def _selector(one: show.Json) -> str:
    chosen = [f"{name}={one[name]}" for name in ("task", "queue", "environment", "agent") if one[name]]
    return " ".join(chosen) or ("who names it" if one["named_only"] else "everything")


POLICY = Noun(
    word="policy",
    plural="policies",
    columns=lambda: (
        text("name"),
        text("where"),
        text("enforcement"),
        show.Column("FOR", _selector),
        *changed(),
    ),
    example="onward policy create no-friday --module no_friday.rego --set environment=prod",
)
AGENT = Noun(
    word="agent",
    plural="agents",
    columns=lambda: (
        text("name"),
        text("task"),
        text("queue"),
        text("config"),
        text("description"),
        *changed(),
    ),
    example="onward agent create reviewer --set task=review --set config.model=large",
)
TEAM = Noun(
    word="team",
    plural="teams",
    columns=lambda: (text("name"), text("routing"), text("agents"), text("description"), *changed()),
    example="""onward team create reviewers --set agents='["ann", "bob"]' --set routing=least_busy""",
)
SAVED_VIEW = Noun(
    word="saved-view",
    plural="saved-views",
    columns=lambda: (text("name"), text("title"), text("filters"), *changed()),
    example="""onward saved-view create failing --set filters.status='["failed"]'""",
)
QUOTA = Noun(
    word="quota",
    plural="quotas",
    columns=lambda: (text("name"), text("waiting"), text("bytes"), *changed()),
    example="onward quota create backlog --set waiting=100000",
)

agent = group_of(AGENT, "Set who performs executions: a task with a configuration.")
team = group_of(TEAM, "Set which agents share executions, and how.")
environment = group_of(ENVIRONMENT, "Describe the environments that executions run in.")
policy = group_of(
    POLICY,
    "Say what may run, by rules in Rego.",
    {
        "create": ("onward.cli.policy:create", "Create a policy."),
        "update": ("onward.cli.policy:update", "Change members of a policy."),
        "test": ("onward.cli.policy:test", "Say what rules would decide."),
    },
)
saved_view = group_of(SAVED_VIEW, "Keep filters of the list of executions under a name.")
quota = group_of(QUOTA, "Limit how much of a project may wait at once.")
