"""What a worker knows of places: the variables of environments, and which queues are paused."""

from collections.abc import Mapping
from typing import Protocol

from onward.bus.specs import Specs
from onward.contract.places import EnvironmentSpec, QueueSpec
from onward.worker.scrub import Scrubber

SHORTEST_SECRET = 8
"""Shorter values of variables are no secrets: `true` or `eu` would be masked all over the log."""


class Surroundings(Protocol):
    """What an attempt asks about its environment."""

    def variables(self, project: str, environment: str | None) -> Mapping[str, str]:
        """What the code of an execution finds there."""
        ...

    def scrubber(self, project: str, environment: str | None) -> Scrubber:
        """What keeps them out of its log, beside what the worker keeps out of all logs."""
        ...


class Nowhere:
    """There are no environments."""

    def __init__(self, scrub: Scrubber) -> None:
        self._scrub = scrub

    def variables(self, _project: str, _environment: str | None) -> Mapping[str, str]:
        """None."""
        return {}

    def scrubber(self, _project: str, _environment: str | None) -> Scrubber:
        """That of the worker."""
        return self._scrub


class Places:
    """Reads them from this process' copy of CONFIG; a change counts from the next attempt on."""

    def __init__(self, specs: Specs, scrub: Scrubber) -> None:
        self._specs, self._scrub = specs, scrub
        self._made: dict[tuple[str, str], tuple[EnvironmentSpec, Scrubber]] = {}

    def variables(self, project: str, environment: str | None) -> Mapping[str, str]:
        """Those of the environment; none where it is no resource."""
        spec = self._environment(project, environment)
        return spec.variables if spec else {}

    def scrubber(self, project: str, environment: str | None) -> Scrubber:
        """Masks their values as well."""
        spec = self._environment(project, environment)
        if spec is None or not spec.variables:
            return self._scrub
        held = self._made.get((project, spec.name))
        if held is None or held[0] is not spec:
            secrets = [value for value in spec.variables.values() if len(value) >= SHORTEST_SECRET]
            held = self._made[project, spec.name] = (spec, self._scrub.and_also(secrets))
        return held[1]

    def paused(self, project: str) -> frozenset[str]:
        """The queues that nothing may be taken from."""
        return frozenset(name for name, spec in self._specs.all(project, QueueSpec).items() if spec.paused)

    def _environment(self, project: str, environment: str | None) -> EnvironmentSpec | None:
        return None if environment is None else self._specs.get(project, EnvironmentSpec, environment)
