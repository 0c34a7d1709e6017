"""What `onward up` left on this machine for other processes: where it runs, and the credentials they need."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from onward.cli.exits import Told
from onward.cli.session import Session

if TYPE_CHECKING:
    from onward.cli.embedded.state import Running


def folder(here: Session, given: Path | None) -> Path:
    """Returns the data directory that is meant."""
    from onward.cli.embedded.data_dir import default_data_dir

    return given or default_data_dir(here.env)


def running(here: Session, given: Path | None) -> "Running":
    """Returns what runs on a data directory; raises Told where nothing does."""
    from onward.cli.embedded.control import status

    directory = folder(here, given)
    found = status(directory)
    if found is None:
        raise Told(
            f"nothing runs on {directory}, and ONWARD_NATS_URL is not set",
            fix="start `onward up`, name its --data-dir, or set ONWARD_NATS_URL",
            code="not_running",
        )
    return found


def worker_nats_url(here: Session, given: Path | None) -> str:
    """Returns where a worker connects, with the worker's own rights."""
    from onward.cli.embedded.credentials import load_or_create
    from onward.cli.embedded.data_dir import find_data_dir

    found = running(here, given)
    place = urlsplit(found.nats_url)
    if place.username != "services":
        return found.nats_url  # a server of somebody else's, with the one credential we were given
    credentials, _ = load_or_create(find_data_dir(Path(found.data_dir)), now=here.now())
    return f"nats://worker:{quote(credentials.nats.worker, safe='')}@{place.hostname}:{place.port}"
