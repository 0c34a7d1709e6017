"""The `onward` command: runs one command line, and turns every end of it into an exit code."""

import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from onward.cli.exits import BROKEN, INTERRUPTED, PIPE_CLOSED, REFUSED, report
from onward.cli.root import root
from onward.cli.session import ReaderGone, Session, standard


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code."""
    session = standard(lambda: datetime.now(UTC))
    try:
        code = root.main(arguments, prog_name="onward", standalone_mode=False, obj=session)
        session.flush()
    except ReaderGone:
        return _reader_is_gone()
    except click.UsageError as wrong:
        return _used_wrongly(wrong, session)
    except (click.Abort, KeyboardInterrupt):
        session.note("")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 -- the last place where it can be told in words
        return _failed(error, session)
    finally:
        session.close()
    return code if isinstance(code, int) else 0


def _failed(error: Exception, session: Session) -> int:
    try:
        session.flush()
    except ReaderGone:
        return _reader_is_gone()
    if session.debug:
        traceback.print_exception(error, file=session.err)
    code = report(error, session.err)
    if code == BROKEN and not session.debug:
        session.note("  it happened in " + _where(error))
    return code


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.name}, line {frame.lineno} of {os.path.basename(frame.filename)}"  # noqa: PTH119 -- no pathlib to start


def _used_wrongly(wrong: click.UsageError, session: Session) -> int:
    if isinstance(wrong, click.exceptions.NoArgsIsHelpError):
        session.note(wrong.format_message())
        return REFUSED
    session.err.write(f"error: {wrong.format_message().strip()} [usage]\n")
    if wrong.ctx is not None:
        session.err.write(f"  fix: {wrong.ctx.command_path} --help shows what there is\n")
    return REFUSED


def _reader_is_gone() -> int:
    """Ends quietly when `| head` has seen enough; what is still buffered goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED


if __name__ == "__main__":
    sys.exit(main())
