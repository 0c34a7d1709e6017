"""The programs of the images with the environments of compose and Kubernetes, only the addresses turned to loopback."""

import contextlib
import functools
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from onward.process.settings import MISCONFIGURED
from tests.support import deployment
from tests.support.deployed_nats import Cluster, deployed_cluster, eventually
from tests.support.deployment import DEPLOY, SERVICES, image
from tests.support.ports import free_port
from tests.support.postgres import one_postgres

DATABASE_URL = "postgresql://onward:in-the-secret@postgres:5432/onward"


def _of_compose(secrets: dict[str, str]) -> dict[str, dict[str, str]]:
    given = deployment.compose(**secrets)["services"]
    return {service: given[image(service).removeprefix("onward-")]["environment"] for service in SERVICES}


def _of_kubernetes(secrets: dict[str, str]) -> dict[str, dict[str, str]]:
    secret = {**secrets, "ONWARD_DATABASE_URL": DATABASE_URL}
    workloads = deployment.workloads()
    return {
        service: deployment.environment(workloads[image(service).removeprefix("onward-")], secret)
        for service in SERVICES
    }


class Here:
    """One process of each service."""

    def __init__(self, folder: Path, envs: dict[str, dict[str, str]], addresses: dict[str, str]) -> None:
        self.folder, self.envs, self.addresses = folder, envs, addresses
        self.ports = {service: free_port() for service in SERVICES}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        addresses["log-relay:8080"] = f"127.0.0.1:{self.ports['log_relay']}"

    def env(self, service: str) -> dict[str, str]:
        """A container's environment, on this machine."""
        env = dict(self.envs[service])
        for there, here in self.addresses.items():
            env = {name: value.replace(there, here) for name, value in env.items()}
        assert (env["ONWARD_HOST"], env["ONWARD_PORT"]) == ("0.0.0.0", "8080")
        own = {"ONWARD_HOST": "127.0.0.1", "ONWARD_PORT": str(self.ports[service])}
        return {**env, **own, "HOME": str(self.folder)}

    def start(self, service: str) -> None:
        """Start one, as its image does."""
        with (self.folder / f"{service}.log").open("ab") as log:
            self.processes[service] = subprocess.Popen(
                [sys.executable, *deployment.entry_point(service)[1:]],
                env=self.env(service),
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def log(self, service: str) -> str:
        """What a service has said."""
        return (self.folder / f"{service}.log").read_text(errors="replace")

    def ask(self, service: str, path: str, key: str = "", body: Any = None) -> tuple[int, Any]:
        """(status, JSON) of a request; 0 where nobody answers."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[service]}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, None

    def ready(self, service: str) -> bool:
        """Whether it answers /readyz; who has ended is started again, as compose and Kubernetes do."""
        if self.processes[service].poll() is not None:
            assert self.processes[service].returncode != MISCONFIGURED, self.log(service)
            self.start(service)
        return self.ask(service, "/readyz")[0] == 200

    def stop(self) -> dict[str, int]:
        """Ask all to stop; how they ended."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            if process.poll() is None:
                process.kill()
                process.wait(10)
        return {service: process.returncode for service, process in self.processes.items()}


def _addresses(cluster: Cluster, postgres: str) -> dict[str, str]:
    nodes = {}
    for number, node in enumerate(cluster):
        nodes |= dict.fromkeys(
            (f"nats-{number + 1}:4222", f"nats-{number}.nats:4222"), f"127.0.0.1:{node.port}"
        )
    return {**nodes, "postgres:5432": postgres}


@pytest.mark.parametrize("envs", [_of_compose, pytest.param(_of_kubernetes, marks=pytest.mark.slow)])
def test_the_programs_of_the_images_start_with_these_environments_and_run_an_execution(envs, tmp_path):
    secrets = deployment.secrets()
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(deployed_cluster(tmp_path, secrets))
        postgres = stack.enter_context(one_postgres())
        given = envs(secrets)
        password = given["execution_state"]["ONWARD_DATABASE_URL"].split(":")[2].split("@")[0]
        postgres.sql(f"create role onward login password '{password}'")
        postgres.sql("create database onward owner onward")
        here = Here(tmp_path, given, _addresses(cluster, f"127.0.0.1:{postgres.port}"))
        stack.callback(here.stop)
        for service in SERVICES:
            here.start(service)
        for service in SERVICES:
            eventually(functools.partial(here.ready, service), functools.partial(here.log, service), 60)
        made = subprocess.run(
            [sys.executable, "-"],
            input=(DEPLOY / "first_key.py").read_bytes(),
            env=here.env("gateway"),
            stdout=subprocess.PIPE,
            timeout=30,
            check=True,
        )
        key = made.stdout.decode().strip()
        body = {"task": "shell", "input": {"command": "echo deployed"}}
        eventually(
            lambda: here.ask("gateway", "/api/v1/executions", key)[0] == 200,
            lambda: f"{here.ask('gateway', '/api/v1/executions', key)}\n{here.log('gateway')}",
        )
        status, execution = here.ask("gateway", "/api/v1/executions", key, body)
        assert status == 202, execution
        status, ended = here.ask("gateway", f"/api/v1/executions/{execution['id']}?wait=30", key)
        assert (status, ended["status"]) == (200, "completed")
        status, logs = here.ask("gateway", f"/api/v1/executions/{execution['id']}/logs", key)
        assert "deployed" in [line["text"] for line in logs["items"]]
        assert here.stop() == dict.fromkeys(SERVICES, 0)
