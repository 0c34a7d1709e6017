"""A copy of CONFIG that holds some resources and follows nothing."""

import msgspec

from onward.contract.resource import Resource


class CopyOf:
    """Implements onward.bus.specs.Copy, in project `default`."""

    def __init__(self, *specs: Resource) -> None:
        self.known = {("default", spec.KIND, spec.name): (msgspec.json.encode(spec), 1) for spec in specs}

    def get(self, project: str, kind: str, name: str) -> tuple[bytes, int] | None:
        return self.known.get((project, kind, name))

    def items(self, project: str, kind: str) -> dict[str, tuple[bytes, int]]:
        return {key[2]: found for key, found in self.known.items() if key[:2] == (project, kind)}
