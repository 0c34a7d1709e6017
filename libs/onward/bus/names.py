"""Names on their way into subjects: what reads or writes one log must not be made to mean another."""

from onward.contract.errors import InvalidName
from onward.contract.ids import check_name, is_execution_id


def check_log(project: str, execution_id: str) -> None:
    """Raises InvalidName unless these name exactly one execution."""
    check_name("project", project)
    if not is_execution_id(execution_id):
        raise InvalidName(f"{execution_id[:80]!r} is not an execution id", fix="use the id as it was given")


def check_names(**names: str) -> None:
    """Raises InvalidName unless each may stand in a subject as one token."""
    for kind, name in names.items():
        check_name(kind, name)
