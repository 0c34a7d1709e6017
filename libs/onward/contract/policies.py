"""Rules about what may run: where a policy applies, what it is asked, and what its answer means. Pure."""

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import msgspec

from onward.contract.errors import InvalidBody
from onward.contract.events import Failure
from onward.contract.resource import Resource

DENIED = "policy_denied"
MOST_MODULE = 64 * 1024
SERVICE_QUERY = "policy"
"""What a worker asks the gateway before a step that declares itself."""

_PACKAGE = re.compile(r"^\s*package\s+([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*(?:#.*)?$", re.MULTILINE)
_DECIDES = re.compile(r"^\s*(?:default\s+)?(?:deny|allow|warn)\b", re.MULTILINE)
_SECRET = re.compile(
    r"passw|secret|token|api_?key|authori[sz]ation|credential|private_?key|cookie", re.IGNORECASE
)
MASK = "***"


class PolicySpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """Rules in Rego, and what they are for: CONFIG kind `policy`.

    The rules are a `module`, or stand in an OPA at the path `opa` (`team/deploy`). They say `deny` and `warn`, sets of
    texts or of objects with `rule` and `message`, or `allow`, a boolean. What is None of the rest matches everything.
    """

    KIND: ClassVar[str] = "policy"

    module: str | None = None
    opa: str | None = None
    where: Literal["submit", "step"] = "submit"
    enforcement: Literal["deny", "warn"] = "deny"
    task: str | None = None
    queue: str | None = None
    environment: str | None = None
    agent: str | None = None
    named_only: bool = False
    """Whether it is asked only where an agent names it."""
    description: str | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one rule of one policy said."""

    policy: str
    rule: str
    message: str
    denies: bool
    version: int = 0
    """Of the policy that said so."""

    def told(self) -> str:
        """In one line."""
        what = f"policy {self.policy}" + (f", rule {self.rule}" if self.rule else "")
        return f"{what}: {self.message}"


class StepAsked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A worker asks whether a step may run that names a policy."""

    project: str
    execution_id: str
    policy: str
    step: str
    key: str = ""
    arguments: msgspec.Raw = msgspec.Raw(b"null")


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The verdicts, or why there are none."""

    verdicts: tuple[Verdict, ...] = ()
    problem: str | None = None


def applies(spec: PolicySpec, where: str, about: dict[str, Any], named: Iterable[str] = ()) -> bool:
    """Whether this policy is asked about this submission or step."""
    if spec.where != where:
        return False
    if spec.name in named:
        return True
    wanted = {"task": spec.task, "queue": spec.queue, "environment": spec.environment, "agent": spec.agent}
    return not spec.named_only and all(value in (None, about.get(name)) for name, value in wanted.items())


def read(spec: PolicySpec, said: Any) -> tuple[Verdict, ...]:
    """What the document of a policy means; one that says nothing at all denies, for it decides nothing."""
    if not isinstance(said, dict) or not {"deny", "allow", "warn"} & said.keys():
        return (failed(spec, "it says neither deny, allow nor warn"),)
    strict = spec.enforcement == "deny"
    verdicts = [_verdict(spec, one, denies=strict) for one in _several(said.get("deny"))]
    verdicts += [_verdict(spec, one, denies=False) for one in _several(said.get("warn"))]
    if "allow" in said and said["allow"] is not True:
        verdicts.append(_verdict(spec, {"rule": "allow", "message": "it is not allowed"}, denies=strict))
    return tuple(verdicts)


def failed(spec: PolicySpec, why: str) -> Verdict:
    """A policy that could not be asked: where it would deny, it does."""
    return Verdict(
        policy=spec.name, rule="", message=f"it could not be evaluated: {why}", denies=spec.enforcement == "deny",
        version=spec.version,
    )  # fmt: skip


def denial(verdicts: Iterable[Verdict]) -> Failure | None:
    """How an execution fails for these verdicts; None where nothing denies."""
    denying = [one for one in verdicts if one.denies]
    if not denying:
        return None
    return Failure(
        type=DENIED, message="; ".join(one.told() for one in denying)[:4000], retryable=False,
        fingerprint=f"{DENIED}:{denying[0].policy}:{denying[0].rule}"[:64],
    )  # fmt: skip


def redacted(value: Any) -> Any:
    """The value without what its names say is secret: a rule that shows its input shows no secret."""
    if isinstance(value, dict):
        return {
            name: MASK if _SECRET.search(str(name)) and one is not None else redacted(one)
            for name, one in value.items()
        }
    return [redacted(one) for one in value] if isinstance(value, list) else value


def check(spec: PolicySpec) -> None:
    """Raises InvalidBody for what can be seen without running it."""
    if (spec.module is None) == (spec.opa is None):
        raise InvalidBody("/module: a policy has either a module or the path of one in an OPA")
    if spec.module is None:
        if not re.fullmatch(r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*", spec.opa or ""):
            raise InvalidBody("/opa: it is a path like team/deploy")
        return
    if len(spec.module.encode()) > MOST_MODULE:
        raise InvalidBody(f"/module: it is longer than {MOST_MODULE} bytes")
    package_of(spec.module)
    if not _DECIDES.search(spec.module):
        raise InvalidBody("/module: it has no rule deny, warn or allow, so it decides nothing")


def package_of(module: str) -> str:
    """The package of a module. Raises InvalidBody."""
    found = _PACKAGE.search(module)
    if found is None:
        raise InvalidBody("/module: line 1: it begins with a package, like `package deploy`")
    return found.group(1)


def _several(said: Any) -> list[Any]:
    if isinstance(said, list):
        return said
    return [] if said is None or said is False else [said]


def _verdict(spec: PolicySpec, said: Any, *, denies: bool) -> Verdict:
    if isinstance(said, dict):
        rule, message = str(said.get("rule", "")), str(said.get("message", "it is denied"))
    else:
        rule, message = "", "it is denied" if said is True else str(said)
    return Verdict(
        policy=spec.name, rule=rule[:200], message=message[:1000], denies=denies, version=spec.version
    )
