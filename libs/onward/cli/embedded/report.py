"""What `onward up` tells a person while it runs, one tidy line at a time."""

from pathlib import Path

import msgspec

from onward.cli.embedded.state import Running
from onward.process.child_spec import ChildEnded, ChildLoops, ChildReady, Report


class PortMoved(msgspec.Struct, frozen=True):
    """The usual port was taken, so the gateway listens elsewhere."""

    wanted: int
    got: int


class AllReady(msgspec.Struct, frozen=True):
    """Everything runs."""

    running: Running
    profile: Path
    seconds: float


class Stopping(msgspec.Struct, frozen=True):
    """Everything is being stopped."""

    reason: str


class Stopped(msgspec.Struct, frozen=True):
    """Nothing runs any more."""

    seconds: float


UpReport = Report | PortMoved | AllReady | Stopping | Stopped


def line(report: UpReport) -> str:
    """Returns a report as text."""
    match report:
        case ChildReady():
            return f"{report.name:<16} ready in {report.seconds:5.2f} s   pid {report.pid}"
        case ChildEnded(again_in=None):
            return f"{report.name:<16} {report.why}; given up, see {report.log}"
        case ChildEnded():
            return f"{report.name:<16} {report.why}; starting it again in {report.again_in:.1f} s"
        case ChildLoops():
            said = "".join(f"\n{'':<16} | {text}" for text in report.last_lines)
            return f"{report.name:<16} failed {report.times} times in a row; see {report.log}{said}"
        case PortMoved():
            return f"{'gateway':<16} port {report.wanted} is taken, so it listens on {report.got}"
        case AllReady():
            return (
                f"ready in {report.seconds:.2f} s at {report.running.url}, data in {report.running.data_dir}\n"
                f"the key is in {report.profile}, which the other `onward` commands read"
            )
        case Stopping():
            return f"stopping ({report.reason})"
        case Stopped():
            return f"stopped in {report.seconds:.2f} s; the data stays"
