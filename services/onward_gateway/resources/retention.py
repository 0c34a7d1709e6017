"""How long each class is kept, and what is held whatever its class."""

from onward.contract import ids
from onward.contract.retention import TIMES, HoldSpec, RetentionSpec
from onward_gateway.resources.kind import Around, Kind, wrong


def _check_times(spec: RetentionSpec, around: Around) -> None:
    if spec.name != TIMES:
        raise wrong(
            "/name", f"there is one resource of these, {TIMES!r}", f"onward retention create {TIMES} …"
        )
    if around.project != "default":
        raise wrong("/name", "all projects share their tables: the times are those of the project default")
    try:
        spec.check()
    except ValueError as error:
        raise wrong("/short", str(error)) from None


def _check_hold(spec: HoldSpec, _around: Around) -> None:
    if not ids.is_execution_id(spec.name):
        raise wrong("/name", "a hold has the id of the execution that it holds")


TIMES_KIND = Kind(
    spec=RetentionSpec, plural="retention", a="the retention times", check=_check_times, scope="admin"
)
HOLD_KIND = Kind(spec=HoldSpec, plural="holds", a="a hold", check=_check_hold)
