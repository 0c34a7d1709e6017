"""When, and by whom, this service decides."""

from collections.abc import Callable

from onward.contract.decide import Moment
from onward.process.fresh import new_id
from onward.process.loop import utc_now


def moments_of(actor: str) -> Callable[[], Moment]:
    """What says when this actor decides something: now."""
    return lambda: Moment(now=utc_now(), new_id=new_id, actor=actor)
