"""`python -m tests.support.hostile_program onward_worker`: a service in which nothing saves a write, a wait or a read.

Each decision is appended by itself, every sleep is suspended, and keepers forget what they have read. Nothing of that
may matter for what is right, so users have no setting for it.
"""

import runpy
import sys

from onward.bus import append, family, limit_keeper, limit_keys
from onward.worker import waits


def main(module: str) -> None:
    """Run it as `python -m` would."""
    append.MOST_MEMBERS = 1
    waits.SHORT = 0.0
    family.REMEMBERED = limit_keeper.REMEMBERED = limit_keys.REMEMBERED = 0
    del sys.argv[1]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1])
