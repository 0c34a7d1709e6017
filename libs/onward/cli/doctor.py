"""`onward doctor`: looks at everything and says how to mend it."""

from pathlib import Path

import click

from onward.cli import clean, exits, show, table
from onward.cli.options import output
from onward.cli.session import session

_SIGNS = {"ok": ("✓", table.GREEN), "warn": ("!", table.YELLOW), "fail": ("✕", table.RED)}


@click.command()
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="The `onward up` on this machine that is meant."
)
@output
def doctor(data_dir: Path | None, form: str) -> int:
    """Check everything, and say how to mend it; ends with 1 if something is wrong."""
    from onward.cli import findings

    here = session()
    found = []
    for one in findings.everything(here, data_dir):
        found.append(one)
        if form == "table":
            sign, style = _SIGNS[one.level]
            here.print(
                f"{table.painted(sign, style if here.coloured else '')} {one.about:<16} {clean.cell(one.cause)}"
            )
            if one.fix:
                here.print(f"  {'':<16} fix: {clean.cell(one.fix)}")
    if form != "table":
        show.records(here, form, [one._asdict() for one in found], [])
    return exits.FAILED if any(one.level == "fail" for one in found) else exits.COMPLETED
