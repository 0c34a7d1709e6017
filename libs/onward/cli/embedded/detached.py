"""The side of `onward up --detach` that stays: it runs the installation and tells its starter once how it went."""

import os

import msgspec

from onward.cli.embedded.control import GRACE_SECONDS, Outcome
from onward.cli.embedded.options import decode
from onward.cli.embedded.report import AllReady, UpReport, line
from onward.cli.embedded.up import up
from onward.contract.errors import OnwardError
from onward.process.run import run_until_stopped
from onward.process.stop import Stop


def run_detached(options: bytes, pipe: int) -> int:
    """Runs until stopped; returns the exit code."""
    os.set_inheritable(pipe, False)  # the starter waits for its end, which no child may hold open

    untold = [pipe]

    def tell(outcome: Outcome) -> None:
        if untold:
            os.write(pipe, msgspec.json.encode(outcome))
            os.close(untold.pop())

    def say(report: UpReport) -> None:
        print(line(report), flush=True)
        if isinstance(report, AllReady):
            tell(Outcome(running=report.running))

    async def main(stop: Stop) -> None:
        try:
            await up(decode(options), stop, say)
        except OnwardError as error:
            tell(Outcome(code=error.code, error=str(error), fix=error.fix))
            raise

    return run_until_stopped(main, grace_seconds=GRACE_SECONDS)
