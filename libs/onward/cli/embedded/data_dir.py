"""The data directory of `onward up`: what lies where, and whose it is."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from onward.cli.embedded.errors import NotOurs
from onward.cli.embedded.private_file import write_private
from onward.cli.embedded.scratch import Scratch
from onward.contract.errors import Misconfigured

LAYOUT = 1
OUTSIDE = Path("/var/lib/onward")


class Marker(msgspec.Struct, frozen=True):
    """Says that a directory is ours, and in which layout: `onward.json`."""

    layout: int


class DataDir(msgspec.Struct, frozen=True):
    """One installation's folder; everything below it belongs to Onward."""

    root: Path

    @property
    def marker(self) -> Path:
        """Says whose directory this is."""
        return self.root / "onward.json"

    @property
    def lock(self) -> Path:
        """Held by the one `up` that runs here; names its pid."""
        return self.root / "lock"

    @property
    def credentials(self) -> Path:
        """Passwords and the API key, made on the first run."""
        return self.root / "credentials.json"

    @property
    def ports(self) -> Path:
        """The ports of the last run, taken again by the next."""
        return self.root / "ports.json"

    @property
    def state(self) -> Path:
        """What runs now."""
        return self.root / "up.json"

    @property
    def nats(self) -> Path:
        """JetStream's files."""
        return self.root / "nats"

    @property
    def postgres(self) -> Path:
        """Postgres' files, or a link to where its user can reach them."""
        return self.root / "postgres"

    @property
    def outside(self) -> Path:
        """The folder for what another user has to reach, where that user cannot pass through ours."""
        digest = hashlib.sha256(str(self.root).encode()).hexdigest()[:12]
        temporary = Path(tempfile.gettempdir()).resolve()
        return temporary / f"onward-{digest}" if self.root.is_relative_to(temporary) else OUTSIDE / digest

    def log(self, name: str) -> Path:
        """Where the output of one child goes."""
        return self.root / "logs" / f"{name}.log"

    def server_lock(self, name: str) -> Path:
        """Held by a server and all its children, so also by those that outlived their `up`."""
        return self.root / f"{name}.lock"

    def exists(self) -> bool:
        """Says whether an Onward installation is here."""
        return self.marker.exists()


def default_data_dir(env: Mapping[str, str]) -> Path:
    """Returns ONWARD_HOME, else `~/.onward`."""
    return Path(env.get("ONWARD_HOME") or "~/.onward")


def open_data_dir(path: Path) -> DataDir:
    """Returns the data directory, made if it is not there; refuses a folder that holds something else."""
    directory = find_data_dir(path)
    root = directory.root
    if not root.exists():
        root.mkdir(parents=True, mode=0o700)
    elif not directory.exists() and any(root.iterdir()):
        raise NotOurs(
            f"{root} is not empty and not Onward's", fix="give --data-dir an empty or a new directory"
        )
    if root.stat().st_uid != os.geteuid():
        raise NotOurs(f"{root} belongs to another user", fix="run as that user, or give another --data-dir")
    if not directory.exists():
        write_private(directory.marker, msgspec.json.encode(Marker(LAYOUT)))
    _check_layout(directory)
    root.chmod(root.stat().st_mode & 0o710)
    return directory


def find_data_dir(path: Path) -> DataDir:
    """Returns what the directory would be, and touches nothing."""
    return DataDir(path.expanduser().resolve())


def remove(directory: DataDir) -> None:
    """Deletes everything Onward keeps here; the folder itself stays if somebody put other things into it."""
    if not directory.exists():
        raise NotOurs(f"{directory.root} holds no Onward installation", fix="check --data-dir")
    if directory.postgres.is_symlink():
        data = directory.postgres.resolve()
        # Where the link is somebody's own, only the data behind it is ours.
        shutil.rmtree(data.parent if data.parent == directory.outside else data, ignore_errors=True)
        directory.postgres.unlink()
    Scratch(directory.nats).remove()
    for kept in (directory.nats, directory.postgres, directory.root / "logs"):
        shutil.rmtree(kept, ignore_errors=True)
    for left in list(directory.root.glob("postgres-*")):
        shutil.rmtree(left, ignore_errors=True)
    files = (directory.credentials, directory.ports, directory.state, directory.lock, directory.marker)
    for file in (
        *files,
        *(each for kind in ("lock", "conf", "pid") for each in directory.root.glob(f"*.{kind}")),
    ):
        file.unlink(missing_ok=True)
    if not any(directory.root.iterdir()):
        directory.root.rmdir()


def _check_layout(directory: DataDir) -> None:
    try:
        marker = msgspec.json.decode(directory.marker.read_bytes(), type=Marker)
    except msgspec.DecodeError as error:
        raise NotOurs(f"{directory.marker} cannot be read: {error}", fix="give another --data-dir") from None
    if marker.layout > LAYOUT:
        raise Misconfigured(
            f"{directory.root} was written by a newer Onward (layout {marker.layout})", fix="upgrade onward"
        )
