"""The service as a process."""

import asyncio
import json
import os
import random
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime

from tests.live.execution_state.making import until
from tests.support.ports import free_port
from tests.unit.onward_execution_state.histories import Walk


class Service:
    """`python -m onward_execution_state` as a process."""

    def __init__(self, nats_server, database_url, folder):
        self.port = free_port()
        self._log = folder / "service.log"
        self.env = {
            **os.environ, "PYTHONPATH": "libs:services", "ONWARD_NATS_URL": nats_server.url,
            "ONWARD_NATS_SYS_URL": nats_server.sys_url, "ONWARD_DATABASE_URL": database_url,
            "ONWARD_PORT": str(self.port),
        }  # fmt: skip
        self.process = None

    def run(self, *verb, **env):
        command = [sys.executable, "-m", "onward_execution_state", *verb]
        return subprocess.run(command, env={**self.env, **env}, capture_output=True, text=True, timeout=60)

    def start(self):
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "onward_execution_state"]
            self.process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        return self

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=3) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def reasons(self):
        status, body = self.get("/readyz")
        return {check["name"]: check["reason"] for check in json.loads(body)["checks"]} if status else None

    async def ready(self):
        await until(lambda: asyncio.to_thread(lambda: self.get("/readyz")[0] == 200), within=30)

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)


def walk(seed=1):
    return Walk(random.Random(seed), at=datetime.now(UTC))
