"""What deploy/ and docker-compose.yml say, read as the programs that use them read it."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import yaml

from onward.process import settings as settings_of
from tooling.steps import ROOT

DEPLOY, KUBERNETES, NATS = ROOT / "deploy", ROOT / "deploy" / "k8s", ROOT / "deploy" / "nats"
SERVICES = ("gateway", "execution_state", "log_relay", "worker")
ELSEWHERE = {"ONWARD_LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT"}
"""Variables that are no field of a service's settings: telemetry reads them."""
GRACE, END = 25.0, 10.0
"""What `run` allows a service that names no grace, and what the end itself may take."""

PYTHON = sys.executable
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<rest>[^}]*))?\}")


def image(service: str) -> str:
    """The name of a service's image, and of its container."""
    return "onward-" + service.replace("_", "-")


def version() -> str:
    """The version of this project."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def locked(package: str) -> str:
    """The version of a package that tests run with."""
    return re.search(rf"^{package}==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[1]


# The images

DOCKERFILE = DEPLOY / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """(instruction, its words) of the Dockerfile, comments dropped and continued lines joined."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in joined.splitlines() if line.strip()]


def stages() -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage by its name; the last one, which has none, is ''."""
    found: dict[str, list[tuple[str, str]]] = {}
    name = None
    for instruction, words in instructions():
        if instruction == "FROM":
            source, _, name = words.partition(" AS ")
            found[name] = [(instruction, source)]
        elif name is not None:
            found[name].append((instruction, words))
    return found


def entry_point(service: str) -> list[str]:
    """What the image of a service starts."""
    (words,) = [words for instruction, words in stages()[service] if instruction == "ENTRYPOINT"]
    return list(json.loads(words))


# The programs


class Program(msgspec.Struct, frozen=True):
    """How one service is started, and what its settings are read with."""

    service: str
    prefix: str
    settings: type[msgspec.Struct]
    _grace: str | None

    def load(self, env: dict[str, str]) -> Any:
        """Its settings from this environment; raises InvalidSettings."""
        return settings_of.load(self.settings, self.prefix, env)

    def unknown(self, env: dict[str, str]) -> set[str]:
        """The variables that nothing in it reads."""
        fields = [field.name.upper() for field in msgspec.structs.fields(self.settings)]
        known = {f"ONWARD_{each}" for name in fields for each in (name, f"{self.prefix}_{name}")}
        return {name for name in env if name.startswith(("ONWARD_", "OTEL_"))} - known - ELSEWHERE

    def stop_seconds(self, env: dict[str, str]) -> float:
        """How long it may take from SIGTERM to its end."""
        said = eval(self._grace, {"settings": self.load(env)}) if self._grace else GRACE
        return float(said) + END


def program(service: str) -> Program:
    """What `main` does first: it reads Settings under a prefix, and may give `run` a grace."""
    root = importlib.util.find_spec(f"onward_{service}.__main__").origin
    body = ast.parse(Path(root).read_text()).body
    main = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == "main")
    calls = [node for node in ast.walk(main) if isinstance(node, ast.Call)]
    (prefix,) = [
        call.args[1] for call in calls if [ast.unparse(part) for part in call.args[:1]] == ["Settings"]
    ]
    runs = [call for call in calls if ast.unparse(call.func) == "run"]
    grace = [word.value for word in runs[0].keywords if word.arg == "grace_seconds"]
    return Program(
        service,
        ast.literal_eval(prefix),
        importlib.import_module(f"onward_{service}.settings").Settings,
        ast.unparse(grace[0]) if grace else None,
    )


# Compose


class NotSet(Exception):
    """A variable that compose insists on."""


def secrets() -> dict[str, str]:
    """What new-secrets.sh prints."""
    printed = subprocess.check_output(["sh", str(DEPLOY / "new-secrets.sh")], text=True)
    return dict(line.split("=", 1) for line in printed.splitlines())


def compose(**env: str) -> dict[str, Any]:
    """docker-compose.yml, its anchors followed and these variables put in; raises NotSet."""
    return _filled(yaml.safe_load((ROOT / "docker-compose.yml").read_text()), env)


def _filled(part: Any, env: dict[str, str]) -> Any:
    if isinstance(part, dict):
        # A variable without a value is handed through, where there is one.
        given = {key: env.get(key) if value is None else value for key, value in part.items()}
        kept = {key for key, value in given.items() if value is not None and not str(key).startswith("x-")}
        return {key: _filled(given[key], env) for key in given if key in kept}
    if isinstance(part, list):
        return [_filled(value, env) for value in part]
    return _VARIABLE.sub(lambda found: _value(found, env), part) if isinstance(part, str) else part


def _value(found: re.Match[str], env: dict[str, str]) -> str:
    value = env.get(found["name"], "")
    if not value and found["kind"] == ":?":
        raise NotSet(found["name"])
    return value or (found["rest"] or "" if found["kind"] == ":-" else "")


def seconds(duration: str) -> float:
    """A duration as compose writes it."""
    return float(duration.removesuffix("s"))


# Kubernetes

Object = dict[str, Any]


def objects(path: Path) -> list[Object]:
    """The objects in one file."""
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def kustomization(folder: Path = KUBERNETES) -> dict[str, Any]:
    """What is applied from a folder."""
    return objects(folder / "kustomization.yaml")[0]


def applied(folder: Path = KUBERNETES) -> list[Object]:
    """All objects that `kubectl apply -k` would send, but for namespace, image names and the hash in a name."""
    asked = kustomization(folder)
    found: list[Object] = []
    for resource in asked.get("resources", ()):
        path = (folder / resource).resolve()
        found += applied(path) if path.is_dir() else objects(path)
    for made in asked.get("configMapGenerator", ()):
        data = {name: (folder / name).read_text() for name in made["files"]}
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": made["name"]}, "data": data}
        found.append(config)
    return found


def of_kind(kind: str, found: list[Object] | None = None) -> dict[str, Object]:
    """The applied objects of one kind, by name."""
    return {each["metadata"]["name"]: each for each in found or applied() if each["kind"] == kind}


def workloads() -> dict[str, Object]:
    """Deployments and StatefulSets, by name."""
    return of_kind("Deployment") | of_kind("StatefulSet")


def pod(workload: Object) -> dict[str, Any]:
    """The pod's spec."""
    return workload["spec"]["template"]["spec"]


def container(workload: Object) -> dict[str, Any]:
    """Its only container."""
    (only,) = pod(workload)["containers"]
    return only


def environment(workload: Object, secret: dict[str, str]) -> dict[str, str]:
    """What a container's environment is, with this Secret: references are followed to what stands before them."""
    configs = of_kind("ConfigMap")
    env: dict[str, str] = {}
    for source in container(workload).get("envFrom", ()):
        env |= configs[source["configMapRef"]["name"]]["data"]
    for variable in container(workload)["env"]:
        if "value" in variable:
            env[variable["name"]] = re.sub(
                r"\$\((\w+)\)", lambda found: env.get(found[1], found[0]), variable["value"]
            )
        else:
            env[variable["name"]] = secret[variable["valueFrom"]["secretKeyRef"]["key"]]
    return env
