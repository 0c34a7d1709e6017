import asyncio
import hashlib
import re
import socket
import subprocess
import sys

import msgspec
import nats
import pytest

from onward.bus import config, fenced, topology
from onward.bus.api import call
from onward.bus.connection import connect
from onward.bus.objects import LargeValues
from onward.bus.verify import verify
from onward.bus.wire import block
from onward.cli.embedded import nats as embedded
from onward.contract import ids, subjects
from onward.contract.errors import Misconfigured, Unavailable
from onward.contract.submission import KeySpec
from onward.http.auth import KeyRing
from tests.support import deployment
from tests.support.deployed_nats import Node, alone, deployed_cluster, eventually
from tests.support.deployment import DEPLOY, NATS

CONF = (NATS / "onward.conf").read_text()
PASSWORDS = [f"ONWARD_NATS_{user}_PASSWORD" for user in ("SERVICES", "WORKER", "OBSERVER", "SYS", "ROUTE")]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with deployed_cluster(tmp_path_factory.mktemp("cluster"), deployment.secrets()) as cluster:
        yield cluster


@pytest.fixture
async def connected(cluster):
    """Connections to the cluster, by user."""
    opened = []

    async def connected(user, password=None, nodes=3):
        url = ",".join(cluster.url(user, password).split(",")[:nodes])
        connection = await connect(url, f"test-{user}", on_closed=lambda: None, within=10)
        opened.append(connection)
        return connection

    yield connected
    for connection in opened:
        await connection.close()


def probe(cluster, kind):
    """The address that a probe of Kubernetes, or compose's health check, asks."""
    if kind == "compose":
        test = deployment.compose(**cluster.secrets)["services"]["nats-1"]["healthcheck"]["test"]
        return test[-1].removeprefix("http://127.0.0.1:8222")
    return deployment.container(deployment.workloads()["nats"])[kind]["httpGet"]["path"]


async def test_three_servers_form_a_cluster_that_passes_the_start_up_checks_without_a_warning(connected):
    services, system = await connected("services"), await connected("sys")
    await topology.ensure(services, replicas=3)
    assert await verify(services, system=system) == []
    found = await topology.info(services, subjects.EVENTS)
    assert found["config"]["num_replicas"] == 3
    assert len(found["cluster"]["replicas"]) == 2


async def test_the_servers_are_set_as_the_file_says(cluster):
    for node in cluster:
        found = node.monitoring("varz")
        assert found["jetstream"]["config"]["sync_always"] is True
        assert found["feature_flags"]["js_ack_fc_v2"] is False
        assert found["max_payload"] == 2 * 1024 * 1024
        assert (found["ping_interval"], found["ping_max"]) == (10_000_000_000, 2)


BROKEN = {
    "sync_interval": ("  sync_interval: always\n", "fsync"),
    "jetstream": ("    jetstream: enabled\n", "JetStream"),
}


@pytest.mark.parametrize("setting", [None, *BROKEN])
async def test_the_start_up_checks_miss_what_is_taken_out_of_the_file(setting, tmp_path):
    secrets = deployment.secrets()
    line, complaint = BROKEN.get(setting, ("", ""))
    assert line in CONF
    with alone(tmp_path, secrets, CONF.replace(line, "") if line else CONF) as node:
        urls = {
            user: f"nats://{user}:{secrets[f'ONWARD_NATS_{user.upper()}_PASSWORD']}@127.0.0.1:{node.port}"
            for user in ("services", "sys")
        }
        services = await connect(urls["services"], "test", on_closed=lambda: None, within=10)
        system = await connect(urls["sys"], "test", on_closed=lambda: None, within=10)
        try:
            if setting != "jetstream":
                await topology.ensure(services)
            if setting is None:
                assert await verify(services, system=system) == []
            else:
                with pytest.raises(Misconfigured, match=complaint):
                    await verify(services, system=system)
        finally:
            await services.close()
            await system.close()


def test_up_runs_its_own_server_with_the_same_settings_and_rights():
    def settings(text):
        text = re.sub(r"#.*", "", text).replace("{{", "{").replace("}}", "}")
        text = re.sub(r"\{(services|worker|observer|sys)\}", r"<\1>", text)
        text = re.sub(r"\$ONWARD_NATS_(\w+)_PASSWORD", lambda found: f"<{found[1].lower()}>", text)
        lines = (" ".join(line.split()) for line in text.splitlines())
        return [line for line in lines if line and not line.startswith("store_dir")]

    own_business = re.compile(r"(server_name|listen|http|pid_file): ")
    assert sorted(settings(CONF)) == sorted(
        line for line in settings(embedded._CONFIG) if not own_business.match(line)
    )


@pytest.mark.parametrize(
    "user, password", [("services", ""), ("services", "wrong"), ("nobody", "x"), ("sys", "s")]
)
async def test_who_has_no_credential_stays_outside(connected, user, password):
    with pytest.raises(Misconfigured, match="refuses"):
        await connected(user, password)


async def test_who_gives_no_name_at_all_stays_outside(cluster):
    with pytest.raises(Misconfigured, match="refuses"):
        await connect(f"nats://127.0.0.1:{cluster[0].port}", "nobody", on_closed=lambda: None, within=10)


async def test_a_worker_reads_and_appends_but_cannot_touch_a_stream(connected):
    services, worker = await connected("services"), await connected("worker")
    await topology.ensure(services, replicas=3)
    assert await topology.info(worker, subjects.WORK) is not None
    assert await config.put(worker, "default", "task", "deployed", b"{}", None) > 0
    for request in ("STREAM.DELETE", "STREAM.PURGE", "STREAM.UPDATE", "STREAM.MSG.DELETE"):
        with pytest.raises(Unavailable):
            await call(worker, f"{request}.{subjects.EVENTS}", {"seq": 1}, timeout=0.5)
    assert await topology.info(services, subjects.EVENTS) is not None


async def test_a_worker_stores_and_reads_large_values_and_cannot_remove_any(connected):
    services, worker = await connected("services"), await connected("worker")
    await topology.ensure(services, replicas=3)
    data = b"x" * 1_000_000
    execution_id = ids.new_id(1_700_000_000_000, b"\1" * 10)
    name = subjects.object_name("default", execution_id, hashlib.sha256(data).hexdigest())
    await LargeValues(worker).put(name, data)
    with pytest.raises(Unavailable):
        await call(worker, f"STREAM.PURGE.{subjects.VALUES}", {"seq": 1}, timeout=0.5)
    rollup = await worker.request(subjects.object_entry("x"), b"{}", headers=block(("Nats-Rollup", "all")))
    assert b'"error"' in rollup.data
    for reader in (worker, services):
        assert b"".join([part async for part in LargeValues(reader).read(name, len(data))]) == data


async def test_an_observer_hears_announcements_and_can_do_nothing_else(cluster, connected):
    services = await connected("services", nodes=1)  # both at one server: what one flush saw, the other hears
    refused = asyncio.Queue()

    async def refuse(error):
        refused.put_nowait(str(error))

    observer = await nats.connect(cluster.url("observer").split(",")[0], error_cb=refuse)
    heard, announced = [], asyncio.Event()

    async def hear(message):
        heard.append(message.subject)
        if message.subject.startswith("onward.live."):
            announced.set()

    for subject in ("onward.live.>", "onward.ev.>", "onward.ctl.>"):
        await observer.subscribe(subject, cb=hear)
    await observer.publish("onward.ctl.default.x", b"")
    async with asyncio.timeout(40):  # what was asked first has been answered first
        complaints = [await refused.get() for _ in range(3)]
    for subject in ("onward.ctl.default.x", "onward.live.default.submitted.q.x"):
        services.send(subject, b"{}")
    async with asyncio.timeout(40):
        await announced.wait()
    await observer.drain()
    assert heard == ["onward.live.default.submitted.q.x"]
    assert [said.split(" to ")[0] for said in complaints] == [
        "nats: permissions violation for subscription",
        "nats: permissions violation for subscription",
        "nats: permissions violation for publish",
    ]


@pytest.mark.parametrize("name", PASSWORDS)
@pytest.mark.parametrize(
    "password", ["", "tooshort", "1234567890123456789", "with blank and more", "$2a$11$abcdefghijklmnop"]
)
def test_a_server_does_not_start_with_a_password_that_is_none_or_that_it_would_misread(
    tmp_path, name, password
):
    node = Node(tmp_path, "refused", {**deployment.secrets(), name: password})
    node.env["NATS_PEERS"] = "127.0.0.1:1"
    node.start()
    try:
        assert node.process.wait(10) == 78
    finally:
        node.stop()
    assert name in node.log()
    assert "fix: " in node.log()
    assert password == "" or password not in node.log()


def test_who_does_not_know_the_route_s_password_does_not_join_the_cluster(cluster, tmp_path):
    stranger = Node(tmp_path, "stranger", {**cluster.secrets, "ONWARD_NATS_ROUTE_PASSWORD": "s" + "0" * 48})
    stranger.env["NATS_PEERS"] = ",".join(f"127.0.0.1:{node.cluster_port}" for node in cluster)
    stranger.start()
    try:
        stranger.says("Authorization Violation")
        eventually(lambda: stranger.status("/varz") == 200, stranger.log)
        assert stranger.monitoring("routez")["num_routes"] == 0
        assert stranger.status(probe(cluster, "startupProbe")) == 503
        assert cluster.formed()
    finally:
        stranger.stop()


@pytest.mark.parametrize("kind", ["startupProbe", "readinessProbe", "livenessProbe", "compose"])
def test_what_the_probes_ask_a_server_answers(cluster, kind):
    assert [node.status(probe(cluster, kind)) for node in cluster] == [200, 200, 200]
    assert cluster[0].status("/health") == 404


def test_a_server_tells_its_clients_no_addresses_of_its_own(cluster):
    with socket.create_connection(("127.0.0.1", cluster[0].port), timeout=5) as client:
        greeting = client.makefile("rb").readline().partition(b" ")[2]
    assert "connect_urls" not in msgspec.json.decode(greeting)


def test_the_server_s_own_check_accepts_the_files_and_refuses_a_word_it_does_not_know(cluster, tmp_path):
    def check(folder):
        command = ["sh", str(folder / "start.sh"), "-t"]
        return subprocess.run(command, env=cluster[0].env, capture_output=True, text=True)

    assert "is valid" in check(NATS).stderr
    for path in NATS.iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace("sync_interval", "sync_intervall"))
    assert check(tmp_path).returncode != 0


async def test_the_first_key_is_made_inside_a_gateway_and_is_the_one_that_is_stored(cluster, connected):
    services = await connected("services")
    await topology.ensure(services, replicas=3)
    script = (DEPLOY / "first_key.py").read_bytes()
    made = subprocess.run(
        [sys.executable, "-", "default", "mine"],
        input=script,
        env={"ONWARD_NATS_URL": cluster.url("services")},
        capture_output=True,
        timeout=30,
    )
    key = made.stdout.decode().strip()
    stored = await fenced.last(
        services, subjects.CONFIG, subjects.config("default", "key", key.split("_")[2])
    )
    spec = msgspec.json.decode(stored.data, type=KeySpec)
    caller = KeyRing(lambda project, public_id: spec).verify(f"Bearer {key}".encode())
    assert (caller.project, spec.name) == ("default", "mine")
    assert key.encode() not in stored.data


def test_a_first_key_that_cannot_be_stored_says_why_and_how_to_mend_it(cluster):
    made = subprocess.run(
        [sys.executable, "-"],
        input=(DEPLOY / "first_key.py").read_bytes(),
        env={"ONWARD_NATS_URL": cluster.url("services", "wrong")},
        capture_output=True,
        timeout=30,
    )
    assert made.returncode == 1
    assert b"fix: mend the user and password" in made.stderr
    assert b"Traceback" not in made.stderr
