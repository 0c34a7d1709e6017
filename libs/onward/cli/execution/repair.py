"""`onward execution retry | rerun`."""

import json
from typing import Any

import click

from onward.cli import exits, ids, options, show
from onward.cli.execution import telling
from onward.cli.execution.live import follow_log, wait_for
from onward.cli.exits import EXPLAINED
from onward.cli.options import output, read_json
from onward.cli.session import Session, session

EXAMPLES = """\b
A step is given by its name; one inside another step, or one of several of its name, as `execution steps` shows it:
  onward execution retry ID --from-step charge
  onward execution retry ID --set-step 'pay/charge[order-7]={"paid": true}'

"""
_STEP = "STEP"


@click.command(epilog=EXAMPLES + EXPLAINED)
@ids.argument()
@click.option("--from-start", is_flag=True, help="Forget its checkpoints and do everything again.")
@click.option("--from-step", metavar=_STEP, help="Forget this step's result and all that was saved after it.")
@click.option("-i", "--input", "given", metavar="JSON", help="Another input: JSON, @file, or - for stdin.")
@click.option(
    "--set-step", "edits", multiple=True, metavar="STEP=JSON", help="A step's result; may be repeated."
)
@click.option("--wait", is_flag=True, help="Return when it has ended; the exit code says how.")
@output
def retry(
    *, id: str, from_start: bool, from_step: str | None, given: str | None, edits: tuple[str, ...], wait: bool,
    form: str,
) -> int:  # fmt: skip
    """Give a failed or cancelled execution another life; finished steps are not repeated."""
    if from_start and from_step:
        raise click.UsageError("--from-start and --from-step exclude each other")
    here = session()
    found = here.client.retry(
        ids.whole(here, id),
        from_start=from_start,
        from_step=None if from_step is None else _place(from_step),
        input=None if given is None else read_json(given, "the input"),
        steps=[_edit(text) for text in edits],
    )
    if wait:
        return wait_for(here, found["id"], form)
    _show(here, form, found)
    here.hint(f"onward execution logs {found['id']} --follow")
    return exits.COMPLETED


@click.command(epilog=EXPLAINED)
@ids.argument()
@click.option("-i", "--input", "given", metavar="JSON", help="Another input: JSON, @file, or - for stdin.")
@click.option("--queue", metavar="NAME", help="Another queue.")
@click.option("--priority", type=click.IntRange(1, 9), help="Another priority: 9 goes first.")
@click.option("--label", multiple=True, type=options.label, metavar="NAME=VALUE", help="Its labels instead.")
@click.option("--delay", type=options.duration, help="Start after this time: 30s, 5m, 2h.")
@options.limits("Its own limits instead: at most N of this key run at once.")
@click.option("--key", metavar="TEXT", help="Idempotency key: the same key reruns it only once.")
@click.option("--wait", is_flag=True, help="Return when it has ended; the exit code says how.")
@click.option("-f", "--follow", is_flag=True, help="Print its log until it has ended.")
@output
def rerun(
    *, id: str, given: str | None, label: tuple[str, ...], limit: tuple[str, ...], key: str | None, wait: bool,
    follow: bool, form: str, **fields: Any,
) -> int:  # fmt: skip
    """Submit a new execution like this one, whatever became of it; the old one stays as it is."""
    here = session()
    submitted = here.client.rerun(
        ids.whole(here, id),
        None if given is None else read_json(given, "the input"),
        idempotency_key=key,
        labels=dict(one.split("=", 1) for one in label) or None,
        limits=[options.asked_limit(one) for one in limit] or None,
        **fields,
    )
    if follow:
        here.note(f"{submitted['id']}  {telling.change(submitted, here)}")
        return follow_log(here, submitted["id"], form, end=True)
    if wait:
        return wait_for(here, submitted["id"], form)
    show.record(here, form, submitted, lambda: [submitted["id"]])
    return exits.COMPLETED


def _edit(text: str) -> dict[str, Any]:
    """Returns the step and the result in STEP=JSON; a `=` inside the brackets belongs to the key."""
    path, bracket, rest = text.partition("[")
    if bracket and "=" not in path:
        key, equals, result = rest.partition("]=")
        step = f"{path}[{key}]"
    else:
        step, equals, result = text.partition("=")
    if not (step and equals):
        raise click.BadParameter(f"{text!r} is no result of a step: write STEP=JSON", param_hint="--set-step")
    try:
        return {**_place(step), "result": json.loads(result)}
    except ValueError as wrong:
        raise click.BadParameter(
            f"the result in {text!r} is not JSON: {wrong}", param_hint="--set-step"
        ) from None


def _place(text: str) -> dict[str, str]:
    """Returns the step that is written as `execution steps` shows it: /scope/name[key]."""
    path, bracket, key = text.partition("[")
    scope, _, name = path.rpartition("/")
    place = {"name": name}
    if scope:
        place["scope"] = f"/{scope.lstrip('/')}"
    if bracket:
        place["key"] = key.removesuffix("]")
    return place


def _show(here: Session, form: str, found: show.Json) -> None:
    show.record(here, form, found, lambda: [f"{found['id']}  {telling.change(found, here)}"])
