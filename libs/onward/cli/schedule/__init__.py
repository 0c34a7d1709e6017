"""`onward schedule …`: what submits executions by time."""

from onward.cli import show, words
from onward.cli.resource.noun import Noun
from onward.cli.resource.verbs import group_of
from onward.cli.session import session

OWN = {
    "create": ("onward.cli.schedule.making:create", "Create a schedule."),
    "next": ("onward.cli.schedule.ticks:following", "Print the ticks to come."),
    "history": ("onward.cli.schedule.ticks:history", "Print what became of the ticks, newest first."),
    "trigger": ("onward.cli.schedule.acting:trigger", "Start its execution now."),
    "pause": ("onward.cli.schedule.acting:pause", "Let no tick fire."),
    "resume": ("onward.cli.schedule.acting:resume", "Let ticks fire again."),
    "backfill": (
        "onward.cli.schedule.acting:backfill",
        "Start what ticks of a past time would have started.",
    ),
}


def _state(one: show.Json) -> str:
    if one["paused"]:
        return f"paused: {one['paused_because']}" if one["paused_because"] else "paused"
    return "active" if one["next_at"] else "over"


NOUN = Noun(
    word="schedule",
    plural="schedules",
    columns=lambda: (
        show.Column("NAME", lambda one: one["name"]),
        show.Column("WHEN", lambda one: one["words"]),
        show.Column("NEXT", lambda one: words.ago(one["next_at"], session().now())),
        show.Column("STARTS", lambda one: started(one["submission"])),
        show.Column("STATE", _state),
        show.Column("BY", lambda one: one["updated_by"] or "-"),
    ),
    example='onward schedule create nightly --cron "0 2 * * *" --zone Europe/Berlin --task backup',
    told=("uid", "since", "words", "next_at"),
)


def started(submission: show.Json) -> str:
    """The task or agent that a submission names."""
    return str(submission.get("task") or submission.get("agent") or submission.get("team") or "-")


schedule = group_of(NOUN, "Submit executions by time: cron, intervals, single times.", OWN)
