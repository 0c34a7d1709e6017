"""The quota of a project: how much may wait in its queues at once."""

from onward.contract.quota import BACKLOG, QuotaSpec
from onward_gateway.resources.kind import Around, Kind, wrong


def check(spec: QuotaSpec, _around: Around) -> None:
    """Raises InvalidBody for another name, and for limits that nothing would fit into."""
    if spec.name != BACKLOG:
        raise wrong("/name", f"a project has one quota, {BACKLOG!r}", f"onward quota create {BACKLOG} …")
    for name, limit in (("waiting", spec.waiting), ("bytes", spec.bytes)):
        if limit is not None and limit < 1:
            raise wrong(f"/{name}", f"{limit} is not 1 or more; null takes the limit away")


KIND = Kind(spec=QuotaSpec, plural="quotas", a="a quota", check=check)
