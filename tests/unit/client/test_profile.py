import json
from pathlib import Path

import pytest

from onward.client.profile import LOCAL, resolve
from onward.contract.errors import Misconfigured


@pytest.fixture
def env(tmp_path):
    (tmp_path / "profile.json").write_text(json.dumps({"url": "http://127.0.0.1:9000", "api_key": "stored"}))
    return {"ONWARD_PROFILE": str(tmp_path / "profile.json")}


def test_the_profile_says_where_and_with_which_key(env):
    assert resolve(env)[:2] == ("http://127.0.0.1:9000", "stored")


def test_the_environment_overrides_the_profile_and_an_argument_both(env):
    both = {**env, "ONWARD_URL": "http://env", "ONWARD_API_KEY": "from-env"}

    assert resolve(both)[:2] == ("http://env", "from-env")
    assert resolve(both, "http://argument", "given")[:2] == ("http://argument", "given")


def test_a_stored_key_is_never_shown_to_another_gateway(env):
    assert resolve({**env, "ONWARD_URL": "http://elsewhere"}).api_key is None
    assert resolve({**env, "ONWARD_URL": "http://127.0.0.1:9000/"}).api_key == "stored"


def test_without_a_profile_the_usual_address_is_tried(tmp_path):
    assert resolve({"XDG_CONFIG_HOME": str(tmp_path)})[:2] == (LOCAL, None)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": 1', "null"])
def test_a_broken_profile_is_named_with_its_fix(env, text):
    path = env["ONWARD_PROFILE"]
    Path(path).write_text(text)

    with pytest.raises(Misconfigured) as broken:
        resolve(env)

    assert path in str(broken.value)
    assert "onward up" in broken.value.fix
