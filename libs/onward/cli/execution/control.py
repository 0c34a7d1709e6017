"""`onward execution cancel | answer`."""

import json
from typing import Any

import click

from onward.cli import exits, ids, show
from onward.cli.execution import telling
from onward.cli.execution.live import wait_for
from onward.cli.exits import EXPLAINED, Told
from onward.cli.options import output, read_json
from onward.cli.session import Session, session


@click.command(epilog=EXPLAINED)
@ids.argument(many=True)
@click.option("--reason", metavar="TEXT", help="Why, for people who look later.")
@click.option("--wait", is_flag=True, help="Return when they have ended.")
@output
def cancel(*, ids_given: tuple[str, ...], reason: str | None, wait: bool, form: str) -> int:
    """Stop executions.

    Ends with 0 once each is cancelled or told to stop, also with --wait: that is what was asked for. With 2 if one
    had ended before.
    """
    from onward.client.problem import ApiProblem

    here = session()
    code = exits.COMPLETED
    for one in [ids.whole(here, typed) for typed in ids_given]:
        try:
            found = here.client.cancel(one, reason)
            if wait:
                found = here.client.wait(one)
        except ApiProblem as refused:
            code = max(code, exits.report(refused, here.err))
            continue
        if wait and found["status"] != "cancelled":
            code = max(code, exits.REFUSED)
        _show(here, form, found)
    return code


@click.command(epilog=EXPLAINED)
@ids.argument()
@click.argument("answer", metavar="ANSWER")
@click.option("--question", metavar="ID", help="Which question, where several are open.")
@click.option("--text", is_flag=True, help="Take ANSWER as text, even if it reads as JSON.")
@click.option("--wait", is_flag=True, help="Return when it has ended; the exit code says how.")
@output
def answer(*, id: str, answer: str, question: str | None, text: bool, wait: bool, form: str) -> int:
    """Answer a question that an execution asks.

    ANSWER is JSON, or @file, or - for standard input; what is no JSON is taken as text.
    """
    here = session()
    found = here.client.answer(ids.whole(here, id), read_answer(answer, text=text), question_id=question)
    if wait:
        return wait_for(here, found["id"], form)
    _show(here, form, found)
    return exits.COMPLETED


def read_answer(given: str, *, text: bool) -> Any:
    """Returns the answer in an argument: JSON, or the text that it is."""
    if text:
        return given
    if given == "-" or given.startswith("@"):
        return read_json(given, "the answer")
    try:
        return json.loads(given)
    except ValueError:
        return given
    except RecursionError:
        raise Told("the answer is nested too deep", fix="make it flatter", code="invalid_json") from None


def _show(here: Session, form: str, found: show.Json) -> None:
    show.record(here, form, found, lambda: [f"{found['id']}  {telling.change(found, here)}"])
