"""What a process uses."""

import re
from pathlib import Path


def resident(pid: int, what: str = "VmRSS") -> int:
    """Bytes of memory of a process: now, or at most so far (VmHWM)."""
    found = re.search(rf"^{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024
