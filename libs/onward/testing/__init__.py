"""What tests of tasks use: `from onward.testing import Lab`, and the log, queue and clock in memory below it.

Held to the real ones' suite. Each name is loaded when it is first used: pytest loads the plugin in here always.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onward.testing.bus import MemoryBus
    from onward.testing.checker import check
    from onward.testing.crash_report import CrashReport
    from onward.testing.effects import effect
    from onward.testing.everywhere import crash_everywhere
    from onward.testing.faults import CALM, ROUGH, Faults
    from onward.testing.lab import Lab
    from onward.testing.run import Ended, Run, Stuck
    from onward.testing.virtual_loop import VirtualLoop, simulate

__all__ = [
    "CALM", "ROUGH", "CrashReport", "Ended", "Faults", "Lab", "MemoryBus", "Run", "Stuck", "VirtualLoop", "check",
    "crash_everywhere", "effect", "simulate",
]  # fmt: skip

_HOMES = {
    **dict.fromkeys(("CALM", "ROUGH", "Faults"), "faults"),
    **dict.fromkeys(("Ended", "Run", "Stuck"), "run"),
    **dict.fromkeys(("VirtualLoop", "simulate"), "virtual_loop"),
    "Lab": "lab",
    "MemoryBus": "bus",
    "check": "checker",
    "crash_everywhere": "everywhere",
    "CrashReport": "crash_report",
    "effect": "effects",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'onward.testing' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"onward.testing.{_HOMES[name]}"), name)
