"""The log, queue and clock in memory, held to the real ones' suite; imported by tests, ours and authors'."""

from onward.testing.bus import MemoryBus
from onward.testing.checker import check
from onward.testing.faults import CALM, ROUGH, Faults
from onward.testing.virtual_loop import VirtualLoop, simulate

__all__ = ["CALM", "ROUGH", "Faults", "MemoryBus", "VirtualLoop", "check", "simulate"]
