import msgspec
import pytest

from onward.contract.errors import Unavailable
from onward_log_relay.known import KnownKeys
from tests.support.log_relay import PROJECT, SPEC


class Config:
    """A copy of CONFIG, as onward.bus.config.Mirror is one."""

    def __init__(self):
        self.ready, self.data, self.sequence = True, msgspec.json.encode(SPEC), 1

    def get(self, project, kind, name):
        return (self.data, self.sequence) if (project, kind, name) == (PROJECT, "key", SPEC.id) else None


@pytest.fixture
def config():
    return Config()


@pytest.fixture
def keys(config):
    return KnownKeys(config)


def test_a_stored_key_is_known(keys):
    assert keys(PROJECT, SPEC.id) == SPEC
    assert keys("other", SPEC.id) is None
    assert keys(PROJECT, "other") is None


def test_a_change_of_a_key_is_noticed(keys, config):
    keys(PROJECT, SPEC.id)
    config.data, config.sequence = msgspec.json.encode(msgspec.structs.replace(SPEC, revoked=True)), 2
    assert keys(PROJECT, SPEC.id).revoked


def test_a_key_that_cannot_be_read_opens_nothing(keys, config):
    config.data = b"{"
    assert keys(PROJECT, SPEC.id) is None


def test_nobody_is_refused_before_the_keys_are_known(keys, config):
    config.ready = False
    with pytest.raises(Unavailable):
        keys(PROJECT, SPEC.id)
