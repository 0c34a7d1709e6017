"""`onward question …`: what executions ask people."""

import json
from typing import Any

import click

from onward.cli import exits, ids, show, table, words
from onward.cli.execution import telling
from onward.cli.execution.control import read_answer
from onward.cli.execution.live import wait_for
from onward.cli.exits import EXPLAINED, Told
from onward.cli.lazy import LazyGroup
from onward.cli.options import output
from onward.cli.session import session

COMMANDS = {
    "list": ("onward.cli.question:listing", "List questions, newest first."),
    "answer": ("onward.cli.question:answer", "Answer a question."),
}
STATES = ("open", "answered", "expired", "withdrawn")
_MARKS = {"open": "?", "answered": "✔", "expired": "⏱", "withdrawn": "·"}


@click.group(cls=LazyGroup, lazy=COMMANDS, epilog=EXPLAINED)
def question() -> None:
    """Show what executions ask people, and answer it.

    A question is named by the id of its execution, which may be cut short; where one asks several things at once, by
    that and its own: ID/QUESTION.
    """


@click.command("list")
@click.option(
    "--status", multiple=True, type=click.Choice(STATES), help="Only these; otherwise those that are open."
)
@click.option("--all", "everything", is_flag=True, help="Those that are not open any more as well.")
@click.option("--to", metavar="NAME", help="Only what is asked of this person, or team:NAME.")
@click.option("--execution", "execution", metavar="ID", help="Only what this execution asks.")
@click.option("--task", metavar="NAME", help="Only what executions of this task ask.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@output
def listing(
    *, status: tuple[str, ...], everything: bool, execution: str | None, limit: int, form: str, **given: Any
) -> None:
    """List questions, newest first."""
    here = session()
    filters = {name: value for name, value in given.items() if value is not None}
    if not everything:
        filters["status"] = status or ("open",)
    if execution is not None:
        filters["execution_id"] = ids.whole(here, execution)
    now = here.now()
    columns = [
        show.Column("ID", _name),
        show.Column("STATUS", lambda one: f"{_MARKS.get(one['status'], '?')} {one['status']}"),
        show.Column("TASK", lambda one: one["task"]),
        show.Column("TO", lambda one: one["to"] or "-"),
        show.Column("ASKED", lambda one: words.ago(one["asked_at"], now)),
        show.Column("DEADLINE", lambda one: words.ago(one["deadline"], now)),
        show.Column("QUESTION", _text),
        *([show.Column("ANSWER", _answered)] if filters.get("status") != ("open",) else []),
    ]
    found = list(here.client.questions(limit=limit, **filters))
    if not show.records(here, form, found, columns):
        here.note("nobody is asked anything" if filters.get("status") == ("open",) else "no questions match")
    elif form == "table" and any(one["status"] == "open" for one in found):
        here.hint("onward question answer ID ANSWER")


@click.command("answer", epilog=EXPLAINED)
@ids.argument()
@click.argument("answer", metavar="ANSWER")
@click.option("--text", is_flag=True, help="Take ANSWER as text, even if it reads as JSON.")
@click.option("--wait", is_flag=True, help="Return when its execution has ended; the exit code says how.")
@output
def answer(*, id: str, answer: str, text: bool, wait: bool, form: str) -> int:
    """Answer a question.

    ID is that of the execution, or ID/QUESTION where it asks several things. ANSWER is JSON, or @file, or - for
    standard input; what is no JSON, or answers a question for text, is taken as text.
    """
    here = session()
    typed, _, name = id.partition("/")
    found = here.client.get(ids.whole(here, typed))
    asked = _one([wait for wait in found["waiting_on"] if wait["kind"] == telling.QUESTION], name)
    given = read_answer(answer, text=text)
    if asked is not None and _wants_text(asked) and not isinstance(given, str):
        given = answer
    wanted = asked["question_id"] if asked is not None else name or None
    found = here.client.answer(found["id"], given, question_id=wanted)
    if wait:
        return wait_for(here, found["id"], form)
    show.record(here, form, found, lambda: [f"{found['id']}  {telling.change(found, here)}"])
    return exits.COMPLETED


def _one(waits: list[show.Json], name: str) -> show.Json | None:
    """The question that is meant; None where the gateway has to say that it is not open."""
    fitting = [one for one in waits if one["question_id"] == name] or [
        one for one in waits if one["question_id"].startswith(name)
    ]
    if len(fitting) > 1:
        listed = "\n".join(f"  {one['question_id']}: {table.cut(one['text'], 80)}" for one in fitting)
        raise Told(f"several questions are open:\n{listed}", fix="name one: ID/QUESTION", code="conflict")
    return fitting[0] if fitting else None


def _wants_text(asked: show.Json) -> bool:
    return bool(asked["choices"]) or (asked["schema"] or {}).get("type") == "string"


def _name(one: show.Json) -> str:
    return f"{one['execution_id']}/{one['question_id']}"


def _text(one: show.Json) -> str:
    choices = f" ({' | '.join(one['choices'])})" if one["choices"] else ""
    return f"{one['text']}{choices}"


def _answered(one: show.Json) -> str:
    if one["answer"] is None:
        return "-"
    by = f" by {one['answered_by']}" if one["answered_by"] else ""
    return json.dumps(one["answer"], ensure_ascii=False) + by
