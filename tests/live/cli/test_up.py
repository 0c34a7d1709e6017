"""`onward up --detach`, `down` and `reset`, as a script would use them."""

import json
import tempfile
from pathlib import Path

import pytest

from onward.process.identity import identify
from tests.live.cli.conftest import environment, run


@pytest.fixture
def env():
    with tempfile.TemporaryDirectory(prefix="onward-cli-") as folder:
        found = environment(folder)
        yield found
        run(found, "down")


def test_what_is_started_in_the_background_is_used_stopped_started_again_and_deleted(env):
    data = Path(env["ONWARD_HOME"])
    up = run(env, "up", "--data-dir", str(data), "--detach", "-o", "json")
    assert up.code == 0, up.err
    said = json.loads(up.out.splitlines()[-1])
    assert said.keys() == {"url", "api_key", "nats_url", "database_url", "data_dir", "pids"}

    by_key = {
        **env,
        "ONWARD_URL": said["url"],
        "ONWARD_API_KEY": said["api_key"],
        "ONWARD_PROFILE": "/nowhere",
    }
    ran = run(by_key, "run", "shell", "-i", '{"command": "echo hello"}', "--wait", "-o", "json")
    one = json.loads(ran.out)["id"]
    again = run(env, "up", "--detach")
    assert (again.code, "[already_running]" in again.err) == (2, True)

    assert run(env, "down").code == 0
    assert not [name for name, pid in said["pids"].items() if identify(pid)]
    assert run(env, "execution", "get", one).code == 4

    started = run(env, "up", "--detach")
    assert (started.code, "/sign-in#code=" in started.err) == (0, True)
    assert json.loads(run(env, "execution", "get", one, "-o", "json").out)["output"]["tail"] == ["hello"]

    assert run(env, "reset").code == 2
    assert run(env, "reset", "--yes").code == 0
    assert not data.exists()
    gone = run(env, "down")
    assert (gone.code, "[not_running]" in gone.err) == (2, True)
