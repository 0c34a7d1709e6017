"""`onward execution logs | watch`, and waiting for an outcome: what goes on until the execution ends."""

from collections.abc import Iterable

import click

from onward.cli import clean, exits, ids, show, table, words
from onward.cli.execution import explaining, telling
from onward.cli.exits import EXPLAINED
from onward.cli.options import LEVELS, output
from onward.cli.session import Session, session

_STYLES = {"debug": table.DIM, "warning": table.YELLOW, "error": table.RED, "critical": table.RED}


@click.command(epilog=EXPLAINED)
@ids.argument()
@click.option("-f", "--follow", is_flag=True, help="Go on until the execution ends; the exit code says how.")
@click.option(
    "--after", type=click.IntRange(min=0), default=0, metavar="LINE", help="Only what comes after this line."
)
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Begin with the last N lines.")
@click.option("--level", type=click.Choice(LEVELS), help="Only this level and what is worse.")
@click.option("--grep", metavar="TEXT", help="Only lines that hold this text.")
@click.option("-t", "--timestamps", is_flag=True, help="Begin each line with its time.")
@click.option(
    "--raw", is_flag=True, help="Print control characters as they are. Do this with logs you trust."
)
@output
def logs(
    *,
    id: str,
    follow: bool,
    after: int,
    tail: int | None,
    level: str | None,
    grep: str | None,
    timestamps: bool,
    raw: bool,
    form: str,
) -> int:
    """Print the log of an execution."""
    here = session()
    one = ids.whole(here, id)
    if follow:
        return follow_log(
            here, one, form, after=after, tail=tail, level=level, grep=grep, timestamps=timestamps, raw=raw
        )
    lines = here.client.logs(one, after=after, tail=tail, level=level, grep=grep)
    if form == "table":
        paper = Paper(here, timestamps=timestamps, raw=raw)
        for line in lines:
            paper.write(line)
        paper.end()
        if not lines.last:
            here.note("no lines")
    else:
        show.records(here, form, lines, [])
    return exits.COMPLETED


@click.command(epilog=EXPLAINED)
@ids.argument()
@output
def watch(id: str, form: str) -> int:
    """Print each change of an execution until it ends; the exit code says how."""
    here = session()
    one = ids.whole(here, id)
    try:
        return exits.outcome(_changes(here, here.client.watch(one), form))
    except KeyboardInterrupt:
        return _left(here, one, f"onward execution watch {one}")


def follow_log(
    here: Session,
    one: str,
    form: str,
    *,
    timestamps: bool = False,
    raw: bool = False,
    end: bool = False,
    **which: int | str | None,
) -> int:
    """Prints lines until the execution has ended, and with `end` what became of it; returns the exit code."""
    following = here.client.follow(one, **which)  # type: ignore[arg-type]
    paper = Paper(here, timestamps=timestamps, raw=raw)
    try:
        for line in following:
            if form == "table":
                paper.write(line)
                here.flush()
            else:
                show.streamed(here, form, line)
        paper.end()
    except KeyboardInterrupt:
        return _left(here, one, f"onward execution logs {one} --follow --after {following.last}")
    found = following.execution or here.client.get(one, whole=False)
    if end and form != "table":
        show.streamed(here, form, found)
    elif form == "table":
        for told in telling.outcome(found, here):
            here.note(told)
    return exits.outcome(found)


def wait_for(here: Session, one: str, form: str) -> int:
    """Waits for the outcome, prints it, and returns the exit code; tells a person what goes on meanwhile."""
    try:
        if form == "table" and here.err.isatty():
            found = _changes(here, here.client.watch(one), form, aside=True)
        else:
            found = here.client.wait(one)
    except KeyboardInterrupt:
        return _left(here, one, f"onward execution watch {one}")
    show.record(here, form, found, lambda: telling.outcome(found, here))
    return exits.outcome(found)


class Paper:
    """Prints log lines; pieces of output go on where the last one ended."""

    def __init__(self, here: Session, *, timestamps: bool, raw: bool) -> None:
        self._here, self._timestamps, self._raw = here, timestamps, raw
        self._open = False

    def write(self, line: show.Json) -> None:
        """Print one."""
        if line["stream"] == "output":
            text = line["text"] if self._raw else clean.text(line["text"])
            self._here.write(text)
            self._open = not text.endswith("\n")
            return
        self.end()
        self._here.write(written(self._here, line, timestamps=self._timestamps, raw=self._raw))

    def end(self) -> None:
        """End a line of output that is still open."""
        if self._open:
            self._here.write("\n")
        self._open = False


def written(here: Session, line: show.Json, *, timestamps: bool, raw: bool) -> str:
    """Returns a log line as it is printed."""
    text = line["text"] if raw else clean.line(line["text"], colour=not here.env.get("NO_COLOR"))
    if here.coloured and "\x1b" not in text:
        style = table.DIM if line["stream"] == "system" else _STYLES.get(line["level"], "")
        text = table.painted(text, style)
    return f"{words.local(line['time'])}  {text}\n" if timestamps else text + "\n"


def _changes(here: Session, versions: Iterable[show.Json], form: str, *, aside: bool = False) -> show.Json:
    """Prints what changes, and returns the execution as it ended."""
    told = ""
    found: show.Json = {}
    for found in versions:
        if form != "table":
            show.streamed(here, form, found)
            continue
        now = telling.change(found, here)
        if why := explaining.briefly(found, here):
            now += f"\n    {clean.text(why)}"
        # Aside from an outcome, the outcome itself is told by whoever waits for it.
        if now != told and not (aside and found["completed_at"]):
            told = now
            stamped = f"{here.now().astimezone():%H:%M:%S}  {table.painted(now, _style(here, found))}"
            if aside:
                here.note(stamped)
            else:
                here.print(stamped)
                here.flush()
        if telling.asks(found):
            here.hint(f"onward execution answer {found['id']} ANSWER")
    return found


def _style(here: Session, found: show.Json) -> str:
    return telling.style(found) if here.coloured else ""


def _left(here: Session, one: str, again: str) -> int:
    """Ctrl-C leaves; it does not cancel, and says how to do either."""
    here.note(f"\nleft; the execution goes on.\n  go on:   {again}\n  stop it: onward execution cancel {one}")
    return exits.INTERRUPTED
