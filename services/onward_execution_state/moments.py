"""When, and by whom, this service decides."""

import os
import time
from collections.abc import Callable

from onward.contract import ids
from onward.contract.decide import Moment
from onward.process.loop import utc_now


def new_id() -> str:
    """A fresh UUIDv7."""
    return ids.new_id(time.time_ns() // 1_000_000, os.urandom(10))


def moments_of(actor: str) -> Callable[[], Moment]:
    """What says when this actor decides something: now."""
    return lambda: Moment(now=utc_now(), new_id=new_id, actor=actor)
