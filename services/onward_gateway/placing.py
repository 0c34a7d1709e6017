"""Where a submission comes to stand: who performs it, in which queue, and what follows it."""

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from onward.contract.submission import Submission
from onward_gateway.admission import Admitted, admit
from onward_gateway.gateway import Gateway
from onward_gateway.performing import performed
from onward_gateway.triggers import planned


class Placed(NamedTuple):
    """A submission of a task, admitted, and what its first event holds of it."""

    asked: Submission
    admitted: Admitted
    fields: dict[str, Any]


def placed(gateway: Gateway, project: str, asked: Submission, now: datetime) -> Placed:
    """All that is decided of a submission before its input is looked at. Raises a BadRequest that names the member."""

    def one(submission: Submission, *, limited: bool = False) -> Placed:
        of_task, who = performed(submission, project, gateway.known, gateway.teams)
        admitted = admit(of_task, project=project, known=gateway.known, now=now, limited=limited)
        return Placed(of_task, admitted, {**admitted.fields, **who})

    found = one(asked, limited=True)
    if isinstance(found.asked.then, msgspec.UnsetType):
        return found
    then = planned(found.asked.then, one)
    return found._replace(fields={**found.fields, "then": then})
