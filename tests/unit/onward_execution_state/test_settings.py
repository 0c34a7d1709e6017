import pytest

from onward.process.settings import InvalidSettings, load
from onward_execution_state.settings import Settings

NEEDED = {"ONWARD_NATS_URL": "nats://127.0.0.1:1", "ONWARD_DATABASE_URL": "postgresql://127.0.0.1:1/x"}


def test_two_addresses_are_enough():
    settings = load(Settings, "STATE", NEEDED)

    assert (settings.horizon_seconds, settings.nats_sys_url) == (86_400, None)


def test_without_addresses_both_are_named():
    with pytest.raises(InvalidSettings) as refused:
        load(Settings, "STATE", {})

    assert {problem.variable for problem in refused.value.problems} == set(NEEDED)


@pytest.mark.parametrize(
    "variable, value",
    [
        ("HORIZON_SECONDS", "0"),
        ("PORT", "70000"),
        ("REPLICAS", "2"),
        ("BATCH", "0"),
        ("RETENTION_SECONDS", "0"),
        ("DATABASE_URL", "garbage"),
        ("DATABASE_URL", "mysql://127.0.0.1/x"),
        ("DATABASE_URL", "postgresql://u:hush@127.0.0.1:port/x"),
    ],
)
def test_values_out_of_range_are_refused(variable, value):
    with pytest.raises(InvalidSettings) as refused:
        load(Settings, "STATE", {**NEEDED, f"ONWARD_{variable}": value})

    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://db",
        "postgresql://u:p%40ss@db:5432/onward?sslmode=require",
        "postgresql://u:p@one:5432,two:5433/onward",
        "postgresql://[::1]:5432/onward",
        "postgresql:///onward?host=/run/postgresql",
    ],
)
def test_every_way_to_write_an_address_of_postgres_is_accepted(url):
    assert load(Settings, "STATE", {**NEEDED, "ONWARD_DATABASE_URL": url}).database_url == url
