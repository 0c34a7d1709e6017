import re
from urllib.parse import urlsplit

import pytest

from onward.process.health import Health
from onward.process.health_server import serve_health
from onward.process.metrics import Metrics
from onward.process.probe import http_ok
from onward_gateway import app as gateway_app
from onward_log_relay import app as relay_app
from tests.support import deployment
from tests.support.deployment import KUBERNETES, SERVICES, applied, container, image, of_kind, pod, program

WORKLOADS = deployment.workloads()
OURS = {image(service).removeprefix("onward-"): service for service in SERVICES}
EXAMPLES = [path for path in KUBERNETES.glob("*.example.yaml") for _ in deployment.objects(path)]
TEMPLATE = deployment.objects(KUBERNETES / "secret.example.yaml")[0]
SECRET = {**deployment.secrets(), "ONWARD_DATABASE_URL": "postgresql://onward:p@db.example.com:5432/onward"}
COMPOSE = deployment.compose(**SECRET)["services"]
EVERYTHING = [*applied(), *(each for path in EXAMPLES for each in deployment.objects(path))]


def labels(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def selected(selector):
    """The names of the workloads whose pods a selector means."""
    return {name for name, workload in WORKLOADS.items() if _matches(selector, labels(workload))}


def _matches(selector, labels):
    expressions = selector.get("matchExpressions", ())
    assert {expression["operator"] for expression in expressions} <= {"In"}
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(expression["key"]) in expression["values"] for expression in expressions
    )


def ports(name):
    return {port["name"]: port["containerPort"] for port in container(WORKLOADS[name])["ports"]}


def probes(workload):
    kinds = ("startupProbe", "readinessProbe", "livenessProbe")
    return {kind: container(workload)[kind]["httpGet"] for kind in kinds}


def test_every_file_is_applied_or_an_example():
    files = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    resources = {name for name in deployment.kustomization()["resources"] if name.endswith(".yaml")}
    assert files - resources == {path.name for path in EXAMPLES}
    assert resources <= files


def test_no_name_is_given_twice():
    names = [(each["kind"], each["metadata"]["name"]) for each in applied()]
    assert len(names) == len(set(names))


def test_everything_lives_in_the_namespace_that_is_made():
    assert set(of_kind("Namespace")) == {deployment.kustomization()["namespace"]}
    mentioned = {each["metadata"].get("namespace", "onward") for each in EVERYTHING}
    assert mentioned == {"onward"}


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_selects_its_own_pods_and_no_others(name):
    spec = WORKLOADS[name]["spec"]
    assert selected(spec["selector"]) == {name}
    for spread in pod(WORKLOADS[name])["topologySpreadConstraints"]:
        assert selected(spread["labelSelector"]) == {name}


def test_each_service_leads_to_one_workload_through_ports_that_it_has():
    services = of_kind("Service")
    assert set(services) == {"nats", "gateway", "log-relay"}
    for name, service in services.items():
        assert selected({"matchLabels": service["spec"]["selector"]}) == {name}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(ports(name))
    assert services["nats"]["spec"]["clusterIP"] == "None"
    assert WORKLOADS["nats"]["spec"]["serviceName"] == "nats"


def test_each_workload_survives_the_loss_of_one_pod_and_is_never_taken_away_whole():
    budgets = of_kind("PodDisruptionBudget")
    assert set(budgets) == set(WORKLOADS)
    for name, budget in budgets.items():
        replicas = WORKLOADS[name]["spec"]["replicas"]
        limits = {key: value for key, value in budget["spec"].items() if key != "selector"}
        assert selected(budget["spec"]["selector"]) == {name}
        assert limits in ({"minAvailable": 1}, {"maxUnavailable": 1})
        assert replicas == (3 if name == "nats" else 2)


def test_network_policies_mean_pods_and_ports_that_exist():
    for policy in of_kind("NetworkPolicy").values():
        spec = policy["spec"]
        meant = selected(spec["podSelector"])
        assert meant
        for rule in spec.get("ingress", ()):
            for peer in rule.get("from", ()):
                assert "namespaceSelector" in peer or selected(peer["podSelector"])
            for name in meant:
                assert {port["port"] for port in rule["ports"]} <= set(ports(name))


def _peers(rule):
    """Who in this namespace may come in by a rule."""
    if "from" not in rule:
        return {"anybody"}
    return set().union(*(selected(peer["podSelector"]) for peer in rule["from"] if "podSelector" in peer))


def test_the_network_lets_in_what_is_needed_and_nothing_else():
    policies = of_kind("NetworkPolicy")
    ways = {
        (peer, name, port["port"])
        for policy in policies.values()
        for rule in policy["spec"].get("ingress", ())
        for name in selected(policy["spec"]["podSelector"])
        for port in rule["ports"]
        for peer in _peers(rule)
    }
    assert ways == {
        *((name, "nats", "client") for name in OURS),
        ("nats", "nats", "cluster"),
        ("gateway", "log-relay", "http"),
        ("anybody", "gateway", "http"),
    }
    assert policies["nothing-comes-in"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}


def test_workers_look_names_up_and_reach_everything_but_the_metadata_address():
    names, reachable = of_kind("NetworkPolicy")["worker-goes-out"]["spec"]["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    assert "to" not in names
    blocks = {peer["ipBlock"]["cidr"]: peer["ipBlock"]["except"] for peer in reachable["to"]}
    assert blocks.keys() == {"0.0.0.0/0", "::/0"}
    assert "169.254.0.0/16" in blocks["0.0.0.0/0"]


def test_the_ingress_leads_to_a_port_of_the_gateway_s_service():
    (example,) = deployment.objects(KUBERNETES / "ingress.example.yaml")
    for rule in example["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            backend = path["backend"]["service"]
            named = {port["name"] for port in of_kind("Service")[backend["name"]]["spec"]["ports"]}
            assert backend["port"]["name"] in named
    assert {host for tls in example["spec"]["tls"] for host in tls["hosts"]} == {
        rule["host"] for rule in example["spec"]["rules"]
    }


def test_every_secret_and_configuration_that_is_referred_to_exists_and_every_member_is_used():
    used = set()
    for workload in WORKLOADS.values():
        for variable in container(workload)["env"]:
            if "valueFrom" in variable:
                reference = variable["valueFrom"]["secretKeyRef"]
                assert reference["name"] == TEMPLATE["metadata"]["name"]
                used.add(reference["key"])
        for source in container(workload).get("envFrom", ()):
            assert source["configMapRef"]["name"] in of_kind("ConfigMap")
        for volume in pod(workload)["volumes"]:
            if "configMap" in volume:
                assert volume["configMap"]["name"] in of_kind("ConfigMap")
    assert used == set(TEMPLATE["stringData"])


def test_the_template_of_the_secret_holds_no_secret():
    assert set(TEMPLATE["stringData"].values()) == {""}
    assert set(TEMPLATE["stringData"]) - {"ONWARD_DATABASE_URL"} <= set(SECRET)


@pytest.mark.parametrize("name", OURS)
def test_a_service_reads_exactly_the_variables_it_is_given(name):
    env, service = deployment.environment(WORKLOADS[name], SECRET), program(OURS[name])
    assert service.unknown(env) == set()
    assert not any("$(" in value for value in env.values())
    settings = service.load(env)
    assert (settings.host, settings.port) == ("0.0.0.0", ports(name)["http"])


@pytest.mark.parametrize("name", OURS)
def test_addresses_lead_to_the_nats_pods_with_the_same_users_as_in_compose(name):
    env = deployment.environment(WORKLOADS[name], SECRET)
    pods = [f"nats-{number}.nats" for number in range(WORKLOADS["nats"]["spec"]["replicas"])]
    for variable, listed in env.items():
        if variable.startswith("ONWARD_NATS_"):
            assert listed == COMPOSE[name]["environment"][variable].replace("nats-1:", f"{pods[0]}:").replace(
                "nats-2:", f"{pods[1]}:"
            ).replace("nats-3:", f"{pods[2]}:")


def test_the_other_addresses_lead_to_postgres_and_to_the_relay():
    env = {name: deployment.environment(WORKLOADS[name], SECRET) for name in OURS}
    assert env["execution-state"]["ONWARD_DATABASE_URL"] == SECRET["ONWARD_DATABASE_URL"]
    assert [name for name in OURS if "ONWARD_DATABASE_URL" in env[name]] == ["execution-state"]
    relay = urlsplit(env["gateway"]["ONWARD_RELAY_URL"])
    assert relay.port in {port["port"] for port in of_kind("Service")[relay.hostname]["spec"]["ports"]}


def test_a_service_is_set_as_in_compose_but_for_its_addresses():
    for name in OURS:
        env = deployment.environment(WORKLOADS[name], SECRET)
        compose = COMPOSE[name]["environment"]
        assert set(env) - {"NATS_PASSWORD", "NATS_SYS_PASSWORD"} == set(compose)
        assert {key for key in compose if env[key] != compose[key] and not key.endswith("_URL")} == set()


def test_images_are_those_of_compose_and_each_own_one_can_be_renamed():
    for name, workload in WORKLOADS.items():
        assert container(workload)["image"] == COMPOSE["nats-1" if name == "nats" else name]["image"]
    renamed = {each["name"]: each["newTag"] for each in deployment.kustomization()["images"]}
    assert renamed == {f"onward-{name}": deployment.version() for name in OURS}


def test_no_image_s_entry_point_is_replaced_but_that_of_nats():
    assert {name for name in WORKLOADS if {"command", "args"} & set(container(WORKLOADS[name]))} == {"nats"}


@pytest.mark.parametrize("name", OURS)
async def test_probes_ask_for_what_the_service_answers(name):
    asked = probes(WORKLOADS[name])
    assert {probe: get["path"] for probe, get in asked.items()} == {
        "startupProbe": "/livez",
        "readinessProbe": "/readyz",
        "livenessProbe": "/livez",
    }
    assert {get["port"] for get in asked.values()} <= set(ports(name))
    routes = {"gateway": gateway_app, "log-relay": relay_app}.get(name)
    if routes:
        served = {path for route in routes.ROUTES for path in route.paths}
        assert {get["path"] for get in asked.values()} <= served
    else:
        async with serve_health("127.0.0.1", 0, Health(), Metrics()) as port:
            for get in asked.values():
                assert await http_ok(f"http://127.0.0.1:{port}{get['path']}")
            assert not await http_ok(f"http://127.0.0.1:{port}/another")


def test_nats_is_probed_on_the_port_where_it_is_told_to_answer():
    env = deployment.environment(WORKLOADS["nats"], SECRET)
    assert env["NATS_HTTP"] == f"0.0.0.0:{ports('nats')['monitor']}"
    assert {get["port"] for get in probes(WORKLOADS["nats"]).values()} == {"monitor"}


def test_a_worker_whose_loop_is_blocked_is_left_alone_for_minutes():
    probe = container(WORKLOADS["worker"])["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 600


def test_every_nats_server_knows_all_three_by_the_names_that_the_service_gives_them():
    env = deployment.environment(WORKLOADS["nats"], SECRET)
    assert env["NATS_PEERS"].split(",") == [f"nats-{number}.nats:6222" for number in range(3)]
    assert of_kind("Service")["nats"]["spec"]["publishNotReadyAddresses"] is True
    assert container(WORKLOADS["nats"])["command"] == COMPOSE["nats-1"]["command"]
    files = of_kind("ConfigMap")["nats"]["data"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container(WORKLOADS["nats"])["volumeMounts"]}
    assert {f"{mounts['configuration']}/{name}" for name in files} >= {
        "/etc/onward/start.sh",
        "/etc/onward/node.conf",
    }
    assert set(files) == {path.name for path in deployment.NATS.iterdir()} - {"kustomization.yaml"}
    assert mounts["data"] == "/data"


@pytest.mark.parametrize("name", OURS)
def test_a_pod_is_given_the_time_its_service_takes_to_stop(name):
    workload = WORKLOADS[name]
    stop = (
        container(workload).get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["", "0"])
    )
    needed = program(OURS[name]).stop_seconds(deployment.environment(workload, SECRET)) + float(stop[1])
    assert pod(workload)["terminationGracePeriodSeconds"] >= needed


def test_nats_hands_over_before_it_stops():
    assert container(WORKLOADS["nats"])["lifecycle"]["preStop"]["exec"]["command"] == [
        "sh",
        "-c",
        "kill -USR2 1",
    ]
    duration = re.search(r'lame_duck_duration: "(\d+)s"', (deployment.NATS / "node.conf").read_text())
    assert pod(WORKLOADS["nats"])["terminationGracePeriodSeconds"] > int(duration[1]) + 5


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_keeps_to_the_restricted_profile_and_to_a_read_only_disk(name):
    assert of_kind("Namespace")["onward"]["metadata"]["labels"] == {
        "pod-security.kubernetes.io/enforce": "restricted"
    }
    spec, own = pod(WORKLOADS[name]), container(WORKLOADS[name])
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    claims = WORKLOADS[name]["spec"].get("volumeClaimTemplates", ())
    volumes = {volume["name"] for volume in [*spec["volumes"], *(claim["metadata"] for claim in claims)]}
    assert {mount["name"] for mount in own["volumeMounts"]} == volumes
    assert "/tmp" in {mount["mountPath"] for mount in own["volumeMounts"]}


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_says_what_it_needs_and_has_a_limit_of_memory_but_none_of_processor(name):
    resources = container(WORKLOADS[name])["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert set(resources["limits"]) == {"memory"}


def test_go_s_memory_limit_is_three_quarters_of_the_pod_s():
    gibibytes = int(container(WORKLOADS["nats"])["resources"]["limits"]["memory"].removesuffix("Gi"))
    env = deployment.environment(WORKLOADS["nats"], SECRET)
    assert env["GOMEMLIMIT"] == f"{gibibytes * 768}MiB"
