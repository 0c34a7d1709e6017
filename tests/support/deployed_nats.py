"""nats-servers of the wheel with exactly the files of deploy/nats: a cluster of three, or one alone with onward.conf.

with deployed_cluster(tmp_path, secrets()) as cluster: cluster.url("services"), cluster[0].monitoring("jsz")
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.deployment import NATS
from tests.support.nats_server import program
from tests.support.ports import free_port

SECONDS = 30.0

ALONE = """\
include "{conf}"
server_name: alone
listen: $NATS_LISTEN
http: $NATS_HTTP
"""


class Node:
    """One server, started as its container starts it."""

    def __init__(self, folder: Path, name: str, secrets: dict[str, str]) -> None:
        self.name, self.folder = name, folder
        self.port, self.http_port, self.cluster_port = free_port(), free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.env = {
            "PATH": f"{Path(program()).parent}{os.pathsep}{os.environ['PATH']}",
            "NATS_NAME": name,
            "NATS_DATA": str(folder / name),
            "NATS_LISTEN": f"127.0.0.1:{self.port}",
            "NATS_HTTP": f"127.0.0.1:{self.http_port}",
            "NATS_CLUSTER_LISTEN": f"127.0.0.1:{self.cluster_port}",
            **secrets,
        }

    def start(self, *command: str) -> None:
        """Start it; without a command by start.sh."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            started = command or ("sh", str(NATS / "start.sh"))
            self.process = subprocess.Popen(started, env=self.env, stdout=log, stderr=log)

    def stop(self) -> None:
        """Ask it to stop, and insist."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)

    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / f"{self.name}.log").read_text(errors="replace")

    def says(self, text: str) -> None:
        """Wait until it has said this."""
        eventually(lambda: text in self.log(), lambda: f"{self.name} never said {text!r}:\n{self.log()}")

    def status(self, path: str) -> int:
        """The status of a monitoring address; 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=2) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def monitoring(self, path: str) -> dict[str, Any]:
        """A monitoring answer, as `varz`; empty where nobody answers."""
        with contextlib.suppress(OSError):
            url = f"http://127.0.0.1:{self.http_port}/{path}"
            with urllib.request.urlopen(url, timeout=2) as answer:
                return dict(json.load(answer))
        return {}


class Cluster(list[Node]):
    """Three of them that know each other."""

    def __init__(self, nodes: list[Node], secrets: dict[str, str]) -> None:
        super().__init__(nodes)
        self.secrets = secrets
        for node in self:
            node.env["NATS_PEERS"] = ",".join(f"127.0.0.1:{peer.cluster_port}" for peer in self)

    def url(self, user: str, password: str | None = None) -> str:
        """The addresses of all three for one user."""
        given = self.secrets[f"ONWARD_NATS_{user.upper()}_PASSWORD"] if password is None else password
        return ",".join(f"nats://{user}:{given}@127.0.0.1:{node.port}" for node in self)

    def formed(self) -> bool:
        """Whether all three agree on a leader."""
        metas = [node.monitoring("jsz").get("meta_cluster", {}) for node in self]
        leaders = {meta.get("leader") for meta in metas}
        return len(leaders) == 1 and None not in leaders and {meta["cluster_size"] for meta in metas} == {3}


def eventually(is_so: Any, otherwise: Any, within: float = SECONDS) -> None:
    """Ask again and again until it is so."""
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.05)


@contextlib.contextmanager
def deployed_cluster(folder: Path, secrets: dict[str, str]) -> Iterator[Cluster]:
    """A cluster for the time of a `with`."""
    cluster = Cluster([Node(folder, f"nats-{number}", secrets) for number in range(3)], secrets)
    try:
        for node in cluster:
            node.start()
        eventually(cluster.formed, lambda: "\n".join(node.log()[-2000:] for node in cluster))
        eventually(
            lambda: all(node.status("/healthz?js-server-only=true") == 200 for node in cluster),
            lambda: "not healthy",
        )
        yield cluster
    finally:
        for node in cluster:
            node.stop()


@contextlib.contextmanager
def alone(folder: Path, secrets: dict[str, str], conf: str) -> Iterator[Node]:
    """One server that includes this text of onward.conf, for the time of a `with`."""
    (folder / "changed.conf").write_text(conf)
    (folder / "alone.conf").write_text(ALONE.format(conf="changed.conf"))
    node = Node(folder, "alone", secrets)
    shutil.rmtree(folder / "alone", ignore_errors=True)
    try:
        node.start(program(), "--config", str(folder / "alone.conf"))
        eventually(lambda: node.status("/healthz") == 200, node.log)
        yield node
    finally:
        node.stop()
