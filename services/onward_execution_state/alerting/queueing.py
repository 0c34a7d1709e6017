"""Puts what is to be told into the queue of a channel, once."""

from datetime import datetime

from onward.contract.alerts import ChannelSpec
from onward.contract.notices import Notice, body_for
from onward_execution_state.database import Connection
from onward_execution_state.statements import load

_SQL = load("deliveries.sql")


async def enqueue(
    postgres: Connection, channel: ChannelSpec, notice: Notice, delivery_id: str, now: datetime
) -> None:
    """Queues a notice under an id that is made of what it tells and to whom: a second time changes nothing."""
    body = body_for(channel, notice)
    await postgres.execute(_SQL["enqueue"], delivery_id, notice.project, channel.name, notice.type, body, now)
