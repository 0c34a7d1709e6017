"""Sends what waits for channels: at least once, under an id that stays, until it is taken or a day has gone by.

The queue is a table. A try is noted once it has ended, so a killed process tries again, and receivers see the same
`webhook-id`. A channel that does not answer holds up no other.
"""

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime, timedelta

import asyncpg

from onward.contract.alerts import ChannelSpec
from onward.contract.destinations import Allowed
from onward.contract.incidents import Incident
from onward.contract.notices import next_try
from onward.contract.signing import sign
from onward.process.fresh import new_id
from onward.process.loop import utc_now
from onward.process.metrics import Metrics
from onward_execution_state.alerting.evaluating import save
from onward_execution_state.alerting.known import KnownAlerts
from onward_execution_state.alerting.mailing import MailServer
from onward_execution_state.alerting.posting import Answered, Resolve, post, resolve
from onward_execution_state.database import UNREACHABLE, Connection
from onward_execution_state.leader import Leader
from onward_execution_state.statements import load

AT_ONCE_OF_ONE = 4
KEPT = timedelta(days=30)
_FORGET = timedelta(hours=1)
DISABLED_AFTER = timedelta(days=1)
"""A channel that took nothing for so long is disabled; `enable` opens it again."""
CHANNELS = "_channels"
"""The alert under which a disabled channel has its incident."""
GONE = 410

_SQL = load("deliveries.sql")

log = logging.getLogger(__name__)


class Delivering:
    """The loop's work: begins what is due and does not wait for it."""

    def __init__(
        self,
        known: KnownAlerts,
        *,
        leader: Leader,
        allowed: Allowed,
        mail: MailServer | None,
        metrics: Metrics,
        resolver: Resolve = resolve,
    ) -> None:
        self._known, self._leader, self._allowed, self._mail = known, leader, allowed, mail
        self._resolver = resolver
        self._turn = asyncio.Lock()
        self._forgot_at = datetime.min.replace(tzinfo=UTC)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._busy: Counter[tuple[str, str]] = Counter()
        self._count = metrics.counter("onward_deliveries_total", "Tries to reach a channel.", ("outcome",))

    async def run_once(self, now: datetime) -> int:
        """How many it has begun."""
        async with self._turn:
            postgres = await self._leader.connection(now)
            if postgres is None:
                return 0
            if now - self._forgot_at > _FORGET:
                await postgres.execute(_SQL["forget_old"], now - KEPT)
                self._forgot_at = now
            due = await postgres.fetch(_SQL["due"], now, AT_ONCE_OF_ONE)
        begun = 0
        for row in due:
            key = (row["project"], row["channel"])
            if row["id"] in self._under_way or self._busy[key] >= AT_ONCE_OF_ONE:
                continue
            self._busy[key] += 1
            task = asyncio.create_task(self._deliver(row, now))
            self._under_way[row["id"]] = task
            begun += 1
        return begun

    async def close(self) -> None:
        """Give up what is under way: it is tried again."""
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def settled(self) -> None:
        """Until nothing is under way."""
        await asyncio.gather(*self._under_way.values())

    async def _deliver(self, row: asyncpg.Record, now: datetime) -> None:
        key = (row["project"], row["channel"])
        try:
            channel = self._known.channels.get(key)
            if channel is None:
                await self._note(
                    row, None, Answered(code=None, duration_ms=0, error="the channel was deleted")
                )
            elif not channel.paused:
                await self._note(row, channel, await self._send(channel, row, now))
        except UNREACHABLE as error:
            log.info("delivery %s is tried again: %s", row["id"], error)
        finally:
            self._busy[key] -= 1
            del self._under_way[row["id"]]

    async def _send(self, channel: ChannelSpec, row: asyncpg.Record, now: datetime) -> Answered:
        message_id = f"msg_{row['id']}"
        if channel.kind == "email":
            if self._mail is None:
                error = "no mail server is set: ONWARD_SMTP_URL and ONWARD_SMTP_SENDER"
                return Answered(code=None, duration_ms=0, error=error)
            return await self._mail.send(message_id, channel.to, row["body"])
        secrets = [secret for secret in (channel.secret, channel.previous_secret) if secret is not None]
        headers = {
            "content-type": "application/json",
            "user-agent": "onward",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if secrets:
            signatures = (sign(secret, message_id, now, row["body"]) for secret in secrets)
            headers["webhook-signature"] = " ".join(signatures)
        return await post(channel.url or "", row["body"], headers, self._allowed, self._resolver)

    async def _note(self, row: asyncpg.Record, channel: ChannelSpec | None, tried: Answered) -> None:
        """What the try came to, and what comes of it, in one transaction."""
        now, tries = utc_now(), row["tries"] + 1
        self._count.add(1, outcome="delivered" if tried.delivered else "failed")
        again = (
            None
            if channel is None or tried.delivered
            else next_try(tries, now, retry_after=tried.retry_after)
        )
        status = "delivered" if tried.delivered else "waiting" if again is not None else "failed"
        async with self._turn:
            postgres = await self._leader.connection(now)
            if postgres is None:
                return  # another replica leads now, and tries it again
            async with postgres.transaction():
                await postgres.execute(
                    _SQL["tried"],
                    row["id"],
                    tries,
                    now,
                    tried.code,
                    tried.duration_ms,
                    tried.answer,
                    tried.error,
                )
                await postgres.execute(
                    _SQL["settle"], row["id"], status, again, tries, now if tried.delivered else None
                )
                if channel is not None:
                    await self._health(postgres, row["project"], channel, tried, now)

    async def _health(
        self, postgres: Connection, project: str, channel: ChannelSpec, tried: Answered, now: datetime
    ) -> None:
        found = await postgres.fetchrow(_SQL["health"], project, channel.name)
        if tried.delivered:
            if found is not None and found["failing_since"] is not None and found["disabled_at"] is None:
                await postgres.execute(_SQL["save_health"], project, channel.name, None, None, None)
            return
        since = (found["failing_since"] if found is not None else None) or now
        disabled = found["disabled_at"] if found is not None else None
        why = tried.error or f"it answers {tried.code}"
        if disabled is None and (tried.code == GONE or now - since >= DISABLED_AFTER):
            disabled = now
            await postgres.execute(_SQL["drop_waiting"], project, channel.name)
            await save(postgres, [_disabled(project, channel.name, why, now)])
            log.warning("channel %s of %s is disabled: %s", channel.name, project, why)
        await postgres.execute(_SQL["save_health"], project, channel.name, since, disabled, why[:500])


def _disabled(project: str, name: str, why: str, now: datetime) -> Incident:
    return Incident(
        id=new_id(), project=project, alert=CHANNELS, key=name, severity="error", opened_at=now, last_seen_at=now,
        detail=f"the channel {name} is disabled: {why}"[:500],
    )  # fmt: skip
