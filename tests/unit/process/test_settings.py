"""What `load` promises to whoever starts a service."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from onward.process.settings import InvalidSettings, load, load_or_exit


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    nats_url: str
    api_key: Annotated[str, msgspec.Meta(min_length=5)] = "ow_default"
    slots: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    queues: tuple[str, ...] = ("default",)
    mode: Literal["fast", "careful"] = "fast"
    grace_seconds: float = 20.0
    verbose: bool = False
    folder: Path = Path("here")
    label: str | None = None

    def __post_init__(self) -> None:
        if self.grace_seconds > 100:
            raise ValueError("grace_seconds is above 100")


def refused(env: dict[str, str]) -> InvalidSettings:
    with pytest.raises(InvalidSettings) as caught:
        load(Settings, "WORKER", {"ONWARD_NATS_URL": "nats://one", **env})
    return caught.value


def test_every_kind_of_value_is_read_from_text():
    env = {
        "ONWARD_NATS_URL": "nats://one",
        "ONWARD_SLOTS": "4",
        "ONWARD_QUEUES": "fast, slow,",
        "ONWARD_MODE": "careful",
        "ONWARD_GRACE_SECONDS": "1.5",
        "ONWARD_VERBOSE": "true",
        "ONWARD_FOLDER": "/srv",
        "ONWARD_LABEL": "blue",
    }
    assert load(Settings, "WORKER", env) == Settings(
        nats_url="nats://one",
        slots=4,
        queues=("fast", "slow"),
        mode="careful",
        grace_seconds=1.5,
        verbose=True,
        folder=Path("/srv"),
        label="blue",
    )


def test_what_is_not_set_keeps_its_default_and_empty_is_not_set():
    loaded = load(Settings, "WORKER", {"ONWARD_NATS_URL": "nats://one", "ONWARD_SLOTS": ""})
    assert loaded == Settings(nats_url="nats://one")


def test_the_prefixed_name_wins_over_the_shared_one():
    env = {"ONWARD_NATS_URL": "nats://one", "ONWARD_SLOTS": "4", "ONWARD_WORKER_SLOTS": "7"}
    assert load(Settings, "WORKER", env).slots == 7


def test_all_problems_are_told_at_once_with_variable_and_fix():
    error = refused({"ONWARD_SLOTS": "0", "ONWARD_MODE": "wild", "ONWARD_GRACE_SECONDS": "soon"})
    assert [problem.variable for problem in error.problems] == [
        "ONWARD_SLOTS",
        "ONWARD_MODE",
        "ONWARD_GRACE_SECONDS",
    ]
    assert "a whole number >= 1" in str(error)
    assert "one of fast, careful" in str(error)
    assert "unset it for 20.0" in str(error)


def test_a_missing_setting_names_the_one_that_was_probably_meant():
    with pytest.raises(InvalidSettings) as caught:
        load(Settings, "WORKER", {"ONWARD_NATS_ULR": "nats://one"})
    assert "ONWARD_NATS_URL is not set" in str(caught.value)
    assert "ONWARD_NATS_ULR is set" in str(caught.value)


def test_an_unknown_name_of_this_service_suggests_the_right_one():
    assert "did you mean ONWARD_WORKER_SLOTS?" in str(refused({"ONWARD_WORKER_SLOT": "4"}))


def test_names_of_other_services_are_none_of_our_business():
    env = {"ONWARD_NATS_URL": "nats://one", "ONWARD_GATEWAY_SLOTS": "4"}
    assert load(Settings, "WORKER", env).slots == 10


def test_what_kubernetes_announces_about_a_service_is_not_a_setting():
    env = {
        "ONWARD_NATS_URL": "nats://one",
        "ONWARD_WORKER_PORT": "tcp://10.0.0.1:80",
        "ONWARD_WORKER_PORT_80_TCP_ADDR": "10.0.0.1",
        "ONWARD_WORKER_SERVICE_HOST": "10.0.0.1",
        "ONWARD_WORKER_SERVICE_PORT_HTTP": "80",
    }
    assert load(Settings, "WORKER", env) == Settings(nats_url="nats://one")


def test_a_secret_that_does_not_fit_is_not_repeated():
    error = refused({"ONWARD_API_KEY": "hush"})
    assert "ONWARD_API_KEY" in str(error)
    assert "hush" not in str(error)


def test_settings_that_contradict_each_other_are_refused():
    assert "grace_seconds is above 100" in str(refused({"ONWARD_GRACE_SECONDS": "101"}))


def test_a_service_with_wrong_settings_ends_with_a_code_of_its_own(capsys):
    with pytest.raises(SystemExit) as caught:
        load_or_exit(Settings, "WORKER", {})
    assert caught.value.code == 78
    assert "misconfigured: ONWARD_NATS_URL is not set" in capsys.readouterr().err
