import json
from collections.abc import Iterator

import pytest

from tests.support.nats_server import free_port
from tests.support.seed_page import TASKS, Onward


@pytest.fixture(scope="session")
def onward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Onward]:
    """One installation for all of them: each test makes what it looks for, and looks for nothing else."""
    home = tmp_path_factory.mktemp("home")
    profile = home / "profile.json"
    it = Onward({"ONWARD_HOME": str(home), "ONWARD_PROFILE": str(profile), "PYTHONDONTWRITEBYTECODE": "1"})
    up = ("up", "--tasks", TASKS, "--port", str(free_port()), "--detach", "-o", "json")
    it.up = json.loads(it.run(*up, within=120).splitlines()[-1])
    try:
        wrote = json.loads(profile.read_text())
        it.variables |= {"ONWARD_URL": wrote["url"], "ONWARD_API_KEY": wrote["api_key"]}
        yield it
    finally:
        it.run("down", within=60)
