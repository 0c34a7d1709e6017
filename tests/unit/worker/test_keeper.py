"""Signs of life, and when they are withheld."""

import asyncio
from random import Random

from onward import Registry
from onward.testing.virtual_loop import simulate
from onward.worker.keeper import Keeper
from onward.worker.lease import Lease, Leases
from tests.support.workshop import Workshop


def test_h3_after_a_gap_nothing_is_renewed_before_the_logs_were_read_again() -> None:
    async def main(_: Random) -> None:
        shop = Workshop(Registry())
        engine = await shop.worker("one")
        loop = asyncio.get_running_loop()
        slept, readable, looks, renewals = 0.0, False, [], []

        async def look() -> bool:
            looks.append(loop.time())
            return readable

        async def renew(_: object) -> None:
            renewals.append(loop.time())

        leases = Leases(Lease(ack_wait=3.0), lambda: loop.time() + slept)
        keeper = Keeper(
            engine.env, engine.keeper.about, leases, engine.orders, engine.usage,
            renew=renew, messages=shop.gateway.messages, look=look,
        )  # fmt: skip
        renew_on, beat_on = keeper.loops()
        beat_on.close()
        renewing = loop.create_task(renew_on)
        await asyncio.sleep(5.5)
        assert (len(renewals), looks, leases.gap) == (5, [], False)

        slept = 60.0  # the machine was suspended
        await asyncio.sleep(3)
        assert (len(renewals), len(looks), leases.gap) == (5, 3, True)

        readable = True
        await asyncio.sleep(1)
        assert (len(renewals), leases.gap) == (6, False)
        renewing.cancel()

    simulate(1, main)
