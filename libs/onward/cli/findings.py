"""What `onward doctor` finds out, one function per question; each yields how good it is and how to mend it."""

import shutil
import stat
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import onward
from onward.cli import words
from onward.cli.session import Session
from onward.client.client import Client
from onward.client.problem import ApiProblem, Unreachable
from onward.contract.errors import OnwardError

OK, WARN, FAIL = "ok", "warn", "fail"
SKEW = 2.0
"""Seconds that two clocks may differ before times in logs mislead."""
LITTLE_DISK, NO_DISK = 5e9, 5e8


class Finding(NamedTuple):
    """One line of the report."""

    about: str
    level: str
    cause: str
    fix: str = ""


def of_profile(here: Session) -> Iterator[Finding]:
    """Where the address and the key come from, and who else may read them."""
    profile = here.profile
    if profile.path is None:
        source = (
            "ONWARD_URL" if here.url or here.env.get("ONWARD_URL") else "no profile, so the usual address"
        )
        level = OK if profile.api_key else WARN
        yield Finding(
            "profile", level, f"{profile.url} ({source})", "" if profile.api_key else "run `onward up`"
        )
    elif stat.S_IMODE(profile.path.stat().st_mode) & 0o077:
        yield Finding("profile", WARN, f"others may read {profile.path}", f"chmod 600 {profile.path}")
    else:
        yield Finding("profile", OK, f"{profile.url} ({profile.path})")
    place = urlsplit(profile.url)
    if place.scheme == "http" and place.hostname not in {"127.0.0.1", "localhost", "::1"}:
        yield Finding(
            "profile", WARN, f"the key travels to {place.hostname} in clear text", "use an https:// address"
        )


def of_gateway(client: Client, now: datetime) -> Iterator[Finding]:
    """Whether it answers, how fast, and what time it thinks it is. Raises Unreachable."""
    began = client.wire.clock()
    answer = client.wire.call("GET", "/livez")
    took = client.wire.clock() - began
    if answer.status != 200:
        told = ApiProblem.of(answer.status, answer.body)
        yield Finding("gateway", FAIL, f"{client.url} is not well: {told.detail}", told.fix)
    else:
        yield Finding("gateway", OK, f"{client.url} answers in {took * 1000:.0f} ms")
    if "date" in answer.headers:
        off = (parsedate_to_datetime(answer.headers["date"]) - now).total_seconds()
        # The header has whole seconds, so up to one of them is no difference at all.
        level = OK if -SKEW - 1 < off < SKEW else WARN
        fix = "" if level == OK else "set both clocks by NTP"
        yield Finding(
            "clock", level, f"{'agrees with the gateway' if level == OK else f'{off:+.0f} s off'}", fix
        )


def of_readiness(client: Client, about: str = "gateway") -> Iterator[Finding]:
    """What a service says about itself."""
    ready, told = client.ready()
    bad = [one for one in told.get("checks", ()) if not one.get("ok")]
    for one in bad:
        yield Finding(about, FAIL, f"{one['name']}: {one['reason']}", f"see the log of {about}")
    if ready:
        yield Finding(about, OK, "ready")
    elif not bad:
        yield Finding(about, FAIL, "not ready, and does not say why", f"see the log of {about}")


def of_key(client: Client) -> Iterator[Finding]:
    """Whether the key opens the door, and whether lists work, which need Postgres."""
    try:
        next(client.list(limit=1), None)
    except ApiProblem as refused:
        if refused.status == 401:
            yield Finding("key", FAIL, refused.detail, refused.fix or "set ONWARD_API_KEY")
        else:
            yield Finding("lists", WARN, f"{refused.detail}; submitting and reading by id may work")
        return
    yield Finding("key", OK, "is accepted")


def of_workers(client: Client) -> Iterator[Finding]:
    """Whether somebody does the work, everywhere where some waits."""
    there = [one for one in client.workers.list() if one["status"] == "listening"]
    if not there:
        yield Finding(
            "workers", WARN, "none is there: executions wait", "onward worker start, or onward up --workers 1"
        )
    else:
        slots = sum(one["slots"] for one in there)
        busy = sum(one["busy"] for one in there)
        yield Finding("workers", OK, f"{len(there)} there, {busy} of {slots} slots in use")
    for version in sorted({one["version"] for one in there} - {onward.__version__}):
        yield Finding("workers", WARN, f"some run {version}, this is {onward.__version__}", "restart them")
    for queue in client.queues():
        waiting = queue["waiting"]
        if waiting and not queue["workers"]:
            yield Finding(
                "queues",
                WARN,
                f"{waiting} wait in {queue['name']!r}, and no worker takes from it",
                f"onward worker start --queue {queue['name']}",
            )


_LOSSES = {
    "log": ("EVENTS has lost events of {} executions", "onward admin mend"),
    "range": (
        "{} times Postgres was put back to an older state than EVENTS remembers",
        "put back a newer copy of Postgres; if there is none, `onward admin mend` takes note",
    ),
    "end": ("{} executions stand as open, and how they ended is lost", "onward execution cancel ID"),
}


def of_losses(client: Client) -> Iterator[Finding]:
    """What was found lost, in the log or in Postgres."""
    try:
        found = list(client.losses())
    except ApiProblem as refused:
        yield Finding("losses", WARN, refused.detail, refused.fix)
        return
    for one in found:
        cause, fix = _LOSSES.get(one["kind"], ("{} losses of another kind", "onward admin verify"))
        yield Finding("losses", FAIL, f"{cause.format(one['count'])}: {'; '.join(one['first'])}", fix)
    if not found:
        yield Finding("losses", OK, "none was found")


def of_installation(here: Session, given: Path | None) -> Iterator[Finding]:
    """What `onward up` runs on this machine: processes, services, servers, disk."""
    from onward.cli import installed
    from onward.cli.embedded.control import status
    from onward.cli.embedded.data_dir import find_data_dir

    directory = find_data_dir(installed.folder(here, given))
    if not directory.exists():
        return
    running = status(directory.root)
    if running is None:
        yield Finding(
            "up", WARN, f"nothing runs on {directory.root}", f"onward up --data-dir {directory.root}"
        )
    else:
        gone = sorted(name for name, child in running.children.items() if not child.alive())
        told = f"gone: {', '.join(gone)}" if gone else f"{len(running.children)} processes run"
        yield Finding("up", FAIL if gone else OK, told, f"see {directory.log('up').parent}" if gone else "")
        yield from _services(_ports(directory.ports))
    yield from _disk(directory.root)


def _services(ports: dict[str, int]) -> Iterator[Finding]:
    for name in ("execution_state", "log_relay"):
        if name in ports:
            try:
                with _local(ports[name]) as client:
                    yield from of_readiness(client, name)
            except (OnwardError, ApiProblem) as silent:
                yield Finding(name, FAIL, str(silent), f"see the log of {name}")
    if "nats_http" in ports:
        yield from _nats(ports["nats_http"])


def _nats(port: int) -> Iterator[Finding]:
    try:
        with _local(port) as client:
            told: dict[str, Any] = client.wire.call("GET", "/varz").json()
    except (OnwardError, ApiProblem) as silent:
        yield Finding("nats", FAIL, str(silent), "see nats.log")
        return
    yield from _health(port)
    version, jetstream = told.get("version", "unknown"), told.get("jetstream", {}).get("config", {})
    if not str(version).startswith("2.15."):
        yield Finding("nats", WARN, f"version {version} was not tried", "use a 2.15 release of nats-server")
    if not jetstream.get("sync_always"):
        yield Finding(
            "nats", FAIL, "it may lose accepted work at a power cut", "set jetstream.sync_interval to always"
        )
    else:
        yield Finding("nats", OK, f"version {version}, syncs every write")


def _health(port: int) -> Iterator[Finding]:
    try:
        with _local(port) as client:
            answer = client.wire.call("GET", "/healthz")
    except (OnwardError, ApiProblem):
        return
    if answer.status != HTTPStatus.OK:
        yield Finding(
            "nats",
            FAIL,
            str(answer.json().get("error")),
            "make room on its disk; `onward up` then starts it anew by itself",
        )


def _disk(folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    level = FAIL if free < NO_DISK else WARN if free < LITTLE_DISK else OK
    fix = "" if level == OK else "make room: a full disk stops everything"
    yield Finding("disk", level, f"{words.size(free)} free for {folder}", fix)


def _ports(path: Path) -> dict[str, int]:
    import json

    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def _local(port: int) -> Client:
    return Client(f"http://127.0.0.1:{port}", timeout=3.0, patience=0.0)


def everything(here: Session, given: Path | None) -> Iterator[Finding]:
    """All of it, in the order in which one thing needs the other."""
    try:
        yield from of_profile(here)
        profile = here.profile
        with Client(profile.url, profile.api_key, timeout=5.0, patience=0.0) as client:
            yield from of_gateway(client, here.now())
            yield from of_readiness(client)
            yield from of_key(client)
            yield from of_workers(client)
            yield from of_losses(client)
    except Unreachable as silent:
        yield Finding("gateway", FAIL, str(silent), "onward up, or point ONWARD_URL at a running gateway")
    except ApiProblem as refused:
        if refused.status != 401:  # that is told already
            yield Finding("gateway", FAIL, refused.detail, refused.fix)
    except OnwardError as wrong:
        yield Finding("profile", FAIL, str(wrong), wrong.fix)
    yield from of_installation(here, given)
