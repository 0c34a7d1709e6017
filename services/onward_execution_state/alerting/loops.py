"""The two loops of alerts, put together: one looks, one sends."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from onward.bus import streams
from onward.bus.bus import Bus
from onward.contract.destinations import Allowed
from onward.process.loop import Loop, RunOnce
from onward.process.metrics import Metrics
from onward_execution_state.alerting.answers import AlertAnswers
from onward_execution_state.alerting.delivering import Delivering
from onward_execution_state.alerting.evaluating import Evaluating
from onward_execution_state.alerting.known import KnownAlerts
from onward_execution_state.alerting.mailing import MailServer
from onward_execution_state.alerting.subscribing import Subscribing
from onward_execution_state.database import Database
from onward_execution_state.leader import Leader
from onward_execution_state.settings import Settings
from onward_execution_state.store import Source
from onward_execution_state.workers import Workers

EVERY = timedelta(seconds=1)
REST = timedelta(seconds=10)
"""With no rule, no event for so long means nothing to tell; one that was not heard is found after as long."""
HEARD_AFTER = timedelta(seconds=20)
"""How long it takes until a queue without a heartbeat is a queue without a worker."""


class Rest:
    """Says when a look can be left out: nothing was stored for REST, and the last look is not as long ago."""

    def __init__(self) -> None:
        self._stirred = True
        self._awake_until = self._looked_at = datetime.min.replace(tzinfo=UTC)

    def stir(self) -> None:
        """Something was stored."""
        self._stirred = True

    def lasts(self, now: datetime) -> bool:
        """Whether there is nothing to look for; where there is, the look is counted as taken."""
        if self._stirred:
            self._stirred, self._awake_until = False, now + REST
        if now >= self._awake_until and now - self._looked_at < REST:
            return True
        self._looked_at = now
        return False


class AlertLoops:
    """What `WithPostgres` runs, asks and closes."""

    def __init__(
        self,
        bus: Bus,
        settings: Settings,
        *,
        database: Database,
        source: Callable[[], Awaitable[Source]],
        workers: Workers,
        metrics: Metrics,
        quietly: Callable[[RunOnce], RunOnce],
    ) -> None:
        self.leaders = [Leader(database, "alerting"), Leader(database, "delivering")]
        known = KnownAlerts()
        bus.config.on_change(known.hear)
        mail = None
        if settings.smtp_url is not None:
            mail = MailServer(url=settings.smtp_url, sender=settings.smtp_sender)

        async def last() -> int:
            return (await streams.state(bus.connection)).last_sequence

        evaluating = Evaluating(
            known, leader=self.leaders[0], listening=_listening(workers), source=source, last_sequence=last,
            metrics=metrics,
        )  # fmt: skip
        subscribing = Subscribing(known, leader=self.leaders[0], events=bus.events, source=source)
        self._delivering = Delivering(
            known,
            leader=self.leaders[1],
            allowed=Allowed.of(settings.webhook_allow),
            mail=mail,
            metrics=metrics,
        )

        self._rest = Rest()

        async def look(now: datetime) -> Any:
            if not bus.config.ready:
                return None  # no rule is known yet: none of them was deleted
            if not known.alerts and self._rest.lasts(now):
                return None
            await evaluating.run_once(now)
            more = await subscribing.run_once(now)
            sending.poke()
            return more

        async def send(now: datetime) -> Any:
            return await self._delivering.run_once(now) if bus.config.ready else None

        sending = Loop("delivering", EVERY, quietly(send))
        self.loops = [Loop("alerting", EVERY, quietly(look)), sending]
        self.answers = AlertAnswers(database, known, sending.poke).all()

    def stir(self) -> None:
        """An event was stored: there may be something to tell."""
        self._rest.stir()

    async def close(self) -> None:
        """Ends what is under way; it is tried again."""
        await self._delivering.close()
        await asyncio.gather(*(leader.close() for leader in self.leaders))


def _listening(workers: Workers) -> Callable[[str, str, datetime], int | None]:
    def listening(project: str, queue: str, now: datetime) -> int | None:
        return workers.listening(project, queue, now) if workers.knows(now, HEARD_AFTER) else None

    return listening
