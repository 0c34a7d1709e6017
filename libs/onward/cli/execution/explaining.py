"""`onward execution explain`, and the short form of it that others show."""

from collections.abc import Iterator

import click

from onward.cli import clean, ids, show, words
from onward.cli.options import output
from onward.cli.session import Session, session

PLAIN = frozenset(
    {"running", "starting", "completed", "cancelled", "retrying", "sleeping", "waiting_for_input"}
)
"""Causes that the status, the error or the question beside it tells already."""


@click.command()
@ids.argument()
@output
def explain(id: str, form: str) -> None:
    """Tell why an execution waits, runs or ended, and what to do."""
    here = session()
    found = here.client.explain(ids.whole(here, id))
    show.record(here, form, found, lambda: told(found, here))


def told(found: show.Json, here: Session) -> Iterator[str]:
    """Yields an explanation in lines."""
    reason = f" ({found['reason']})" if found["reason"] else ""
    since = found["waiting_since"]
    age = f", since {words.ago(since, here.now())}" if since else ""
    yield clean.cell(f"{found['status']}{reason}{age}  {found['id']}")
    for cause in found["causes"]:
        since = f"  (since {words.local(cause['since'])})" if cause["since"] else ""
        yield f"  {clean.cell(cause['text'])}{since}"
        if cause["fix"]:
            yield f"    → {clean.cell(cause['fix'])}"
    if found["estimated_start"]:
        yield f"  starts about {words.local(found['estimated_start'])}"
    for missing in found["not_asked"]:
        yield f"  not asked: {clean.cell(missing)}"


def briefly(one: show.Json, here: Session) -> str | None:
    """Returns the first cause that is news beside the execution itself; nothing where it runs or has ended."""
    from onward.client.problem import ApiProblem

    if one["completed_at"] or (one["worker_id"] and one["reason"] == "executing"):
        return None
    try:
        causes = here.client.explain(one["id"])["causes"]
    except ApiProblem:
        return None  # a gateway of an older release, or one that cannot say just now
    return next((str(cause["text"]) for cause in causes if cause["code"] not in PLAIN), None)
