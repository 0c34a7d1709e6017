"""The command line's root: options that hold for all commands, and where each command lives."""

import click

import onward
from onward.cli.exits import EXPLAINED
from onward.cli.lazy import LazyGroup
from onward.cli.session import session

COMMANDS = {
    "up": ("onward.cli.platform:up", "Start everything on this machine and keep it running."),
    "down": ("onward.cli.platform:down", "Stop what `up` started; the data stays."),
    "run": ("onward.cli.run:run", "Submit an execution of TASK."),
    "open": ("onward.cli.web:open_page", "Open the board in a browser, signed in."),
    "execution": ("onward.cli.execution:execution", "List, look into, follow and control executions."),
    "events": ("onward.cli.events:events", "Print what happens to all executions, oldest first."),
    "bulk": ("onward.cli.bulk:bulk", "Do one thing to every execution that a filter finds."),
    "question": ("onward.cli.question:question", "Show what executions ask people, and answer it."),
    "worker": ("onward.cli.worker:worker", "List workers, start one here, or tell one what to do."),
    "task": ("onward.cli.task:task", "Show the tasks that workers announced."),
    "queue": ("onward.cli.queue:queue", "Show, set and pause where executions wait."),
    "limit": ("onward.cli.limit:limit", "Set and show how many executions may hold a key."),
    "agent": ("onward.cli.resource.kinds:agent", "Set who performs executions: a task with a configuration."),
    "team": ("onward.cli.resource.kinds:team", "Set which agents share executions, and how."),
    "draft": ("onward.cli.draft:draft", "Plan executions, and approve them when it is time."),
    "environment": (
        "onward.cli.resource.kinds:environment",
        "Describe the environments that executions run in.",
    ),
    "policy": ("onward.cli.resource.kinds:policy", "Say what may run, by rules in Rego."),
    "schedule": ("onward.cli.schedule:schedule", "Submit executions by time: cron, intervals, single times."),
    "webhook": (
        "onward.cli.webhook:webhook",
        "Let others start executions and send events, by signed calls.",
    ),
    "saved-view": (
        "onward.cli.resource.kinds:saved_view",
        "Keep filters of the list of executions under a name.",
    ),
    "analytics": ("onward.cli.analytics:analytics", "Show how executions went, and where their time goes."),
    "errors": ("onward.cli.errors:errors", "Show failures grouped by what is the same in them."),
    "retention": ("onward.cli.retention:retention", "Say how long each class is kept."),
    "quota": ("onward.cli.resource.kinds:quota", "Limit how much of a project may wait at once."),
    "audit": ("onward.cli.audit:audit", "Show who did or was refused what, and verify it."),
    "key": ("onward.cli.key:key", "Make, rotate and revoke API keys."),
    "alert": ("onward.cli.alert:alert", "Say what is wrong when, and who is told."),
    "channel": ("onward.cli.channel:channel", "Say where alerts and events are sent, and see how that went."),
    "doctor": ("onward.cli.doctor:doctor", "Check everything, and say how to mend it."),
    "admin": ("onward.cli.admin:admin", "Rebuild or verify what is derived from the log."),
    "reset": ("onward.cli.platform:reset", "Stop everything and delete its data."),
}

EPILOG = f"""Every option can be set by an environment variable: ONWARD_URL for --url, ONWARD_RUN_QUEUE for the
--queue of `onward run`, ONWARD_OUTPUT for every -o.

{EXPLAINED}

\b
Completion for bash (zsh and fish alike):
  eval "$(_ONWARD_COMPLETE=bash_source onward)"
"""


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    epilog=EPILOG,
    context_settings={
        "auto_envvar_prefix": "ONWARD",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
    },
)
@click.option("--url", metavar="URL", help="Address of the gateway; otherwise that of the profile.")
@click.option("--api-key", metavar="KEY", help="API key; otherwise that of the profile.")
@click.option("--profile", metavar="FILE", help="The profile that `up` writes and every other command reads.")
@click.option("--debug", is_flag=True, help="Show the stack of an error.")
@click.version_option(onward.__version__, prog_name="onward")
def root(*, url: str | None, api_key: str | None, profile: str | None, debug: bool) -> None:
    """Durable executions: they survive crashes, stream their logs, retry, and remember everything."""
    here = session()
    here.url, here.api_key, here.debug = url, api_key, here.debug or debug
    if profile:
        here.env["ONWARD_PROFILE"] = profile
