"""The parts of an installation that start no server: its folder, its locks, its ports, its secrets."""

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from onward.cli.embedded import lock
from onward.cli.embedded.credentials import load_or_create
from onward.cli.embedded.data_dir import default_data_dir, find_data_dir, open_data_dir, remove
from onward.cli.embedded.errors import NotOurs
from onward.cli.embedded.options import UpOptions, decode, encode
from onward.cli.embedded.ports import Ports
from onward.cli.embedded.profile import write_profile
from onward.cli.embedded.scram import scram_verifier
from onward.cli.embedded.services import inherited
from onward.client.profile import Profile, locate, read
from onward.contract.errors import Misconfigured

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def directory(tmp_path):
    return open_data_dir(tmp_path / "data")


def test_a_data_directory_is_for_its_owner_only(tmp_path):
    (tmp_path / "data").mkdir(mode=0o755)
    directory = open_data_dir(tmp_path / "data")
    assert directory.root.stat().st_mode & 0o067 == 0  # a group may pass, and root's Postgres needs that


def test_a_data_directory_of_a_newer_onward_is_refused(directory):
    directory.marker.write_text('{"layout": 99}')
    with pytest.raises(Misconfigured, match="newer Onward"):
        open_data_dir(directory.root)


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for act in (lambda: open_data_dir(tmp_path), lambda: remove(find_data_dir(tmp_path))):
        with pytest.raises(NotOurs):
            act()
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_behind_a_link_of_somebodys_own_only_the_data_is_removed(directory, tmp_path):
    (tmp_path / "disk" / "postgres").mkdir(parents=True)
    (tmp_path / "disk" / "photos").mkdir()
    directory.postgres.symlink_to(tmp_path / "disk" / "postgres")
    remove(directory)
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["photos"]


def test_the_data_directory_is_onward_home_if_that_is_set():
    assert str(default_data_dir({"ONWARD_HOME": "/srv/onward"})) == "/srv/onward"
    assert str(default_data_dir({})) == "~/.onward"


def test_credentials_are_made_once_and_kept_private(directory):
    first, made = load_or_create(directory, now=NOON)
    again, made_again = load_or_create(directory, now=NOON)
    assert (made, made_again, again) == (True, False, first)
    assert directory.credentials.stat().st_mode & 0o777 == 0o600
    secrets = [*(getattr(first.nats, user) for user in first.nats.__struct_fields__), first.postgres]
    assert len({*secrets, first.api_key}) == 6
    assert min(map(len, secrets)) >= 32


def test_credentials_that_cannot_be_read_are_told_and_kept(directory):
    directory.credentials.write_text("{")
    with pytest.raises(Misconfigured, match="cannot be read"):
        load_or_create(directory, now=NOON)
    assert directory.credentials.read_text() == "{"


def test_a_lock_is_free_once_all_who_inherited_it_have_ended(directory):
    path = directory.server_lock("nats")
    held = lock.take(path)
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", "input()"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=[held],
    )
    os.close(held)
    with pytest.raises(lock.Busy) as caught:
        lock.take(path)
    assert caught.value.pid == os.getpid()
    assert not lock.is_free(path)

    with child:
        child.stdin.close()

    assert lock.is_free(path)
    os.close(lock.take(path))


def test_ports_are_the_same_as_last_time(directory):
    with Ports(directory) as first:
        chosen = {name: first.again(name) for name in ("nats", "postgres")}
        first.save()
    with Ports(directory) as second:
        assert {name: second.again(name) for name in chosen} == chosen


def test_a_held_port_is_free_for_our_server_and_for_nobody_elses(directory, tmp_path):
    with Ports(directory) as ports:
        port = ports.again("nats")
        with (
            Ports(open_data_dir(tmp_path / "other")) as others,
            pytest.raises(Misconfigured, match="is taken"),
        ):
            others.exactly("gateway", port)
        with socket.create_server(("127.0.0.1", port)) as server:
            assert server.getsockname()[1] == port
    with Ports(directory) as ports:
        assert ports.exactly("gateway", port) == port


def test_a_port_that_somebody_listens_on_is_passed_over(directory):
    with socket.create_server(("127.0.0.1", 0)) as server, Ports(directory) as ports:
        taken = server.getsockname()[1]
        assert ports.first_from("gateway", taken) > taken


def test_the_profile_is_private_and_where_the_environment_says(tmp_path):
    env = {"ONWARD_PROFILE": str(tmp_path / "a" / "profile.json")}
    profile = Profile("http://127.0.0.1:8900", "ow_default_x_y")
    path = write_profile(profile, env)
    assert path == locate(env) == tmp_path / "a" / "profile.json"
    assert read(path) == profile._replace(path=path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(locate({"XDG_CONFIG_HOME": "/c"})) == "/c/onward/profile.json"


def test_options_survive_the_way_to_another_process(tmp_path):
    options = UpOptions(data_dir=tmp_path, port=9000, tasks=("a.b",), nats_url="nats://x")
    assert decode(encode(options)) == options


def test_a_password_is_stored_as_postgres_stores_it():
    salt = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
    kept = scram_verifier("onward", salt=salt)
    assert kept.startswith("SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$")
    assert [len(part) for part in kept.split("$")[2].split(":")] == [44, 44]


def test_children_inherit_no_address_and_no_secret():
    env = {"PATH": "/bin", "ONWARD_LOG_LEVEL": "debug", "ONWARD_HORIZON_SECONDS": "60"}
    ours = {
        "ONWARD_NATS_URL": "x",
        "ONWARD_WORKER_NATS_URL": "x",
        "ONWARD_API_KEY": "x",
        "ONWARD_GATEWAY_PORT": "1",
        "ONWARD_PARENT_PID": "1",
    }
    assert inherited({**env, **ours}) == env
