"""The gateway's settings are checked before anything connects."""

import pytest

from onward.process.settings import InvalidSettings, load
from onward_gateway.settings import Settings

NATS = {"ONWARD_NATS_URL": "nats://127.0.0.1:4222"}


def test_only_nats_has_to_be_told():
    settings = load(Settings, "GATEWAY", NATS)

    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
def test_a_door_to_the_outside_has_to_be_meant(host):
    with pytest.raises(InvalidSettings):
        load(Settings, "GATEWAY", {**NATS, "ONWARD_HOST": host})

    assert (
        load(Settings, "GATEWAY", {**NATS, "ONWARD_HOST": host, "ONWARD_GATEWAY_INSECURE_BIND": "true"}).host
        == host
    )


@pytest.mark.parametrize(
    "name, value", [("FULL_AT", "0"), ("FULL_AT", "1.1"), ("PORT", "65536"), ("MOST_IN_FLIGHT", "0")]
)
def test_a_value_that_makes_no_sense_is_refused(name, value):
    with pytest.raises(InvalidSettings):
        load(Settings, "GATEWAY", {**NATS, f"ONWARD_GATEWAY_{name}": value})
