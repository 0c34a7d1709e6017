"""Makes an API key where no `onward up` made one, and prints it: the only time that anybody sees it.

Run inside a gateway, which knows the way to NATS: `… exec -T gateway python - [PROJECT [NAME]] < deploy/first_key.py`.
"""  # noqa: INP001 -- read by a Python on its standard input, imported by nobody

import asyncio
import os
import sys
from datetime import UTC, datetime

import msgspec

from onward.bus import config
from onward.bus.bus import open_bus
from onward.contract.errors import OnwardError
from onward.http.auth import new_key


async def make(nats_url: str, project: str, name: str) -> str:
    """Stores a new key's hash in CONFIG and returns the key."""
    key, spec = new_key(project, now=datetime.now(UTC), name=name)
    bus = await open_bus(nats_url, "first-key", lambda: None)
    try:
        await config.put(bus.connection, project, "key", spec.id, msgspec.json.encode(spec), 0)
    finally:
        await bus.close()
    return key


def main(project: str = "default", name: str = "first key") -> None:
    """Prints a new key of the project."""
    try:
        print(asyncio.run(make(os.environ["ONWARD_NATS_URL"], project, name)))  # noqa: T201 -- its purpose
    except OnwardError as error:
        sys.exit(f"{error.code}: {error}\nfix: {error.fix or 'look at the log of execution_state'}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
