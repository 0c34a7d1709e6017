"""The detached `onward up`: `python -m onward.cli.embedded PIPE`, options on stdin, its outcome into the pipe."""

import os
import sys


def main() -> int:
    """Leaves the process that started us, runs until stopped, and tells the pipe once how the start went."""
    # Before anything heavy is loaded: the parent of this fork only has to end.
    if os.fork() != 0:
        os._exit(0)
    from onward.cli.embedded.detached import run_detached

    return run_detached(sys.stdin.buffer.read(), int(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
