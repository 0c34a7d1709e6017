"""The example of an order, in a Lab."""

from datetime import timedelta
from typing import Any

import pytest

import examples.orders
from examples.orders import Line, Order, Receipt, Shipment, Verdict, fulfil, registry
from onward import Fatal
from onward.testing import Ended, Lab, crash_everywhere, effect

SMALL = Order("A1", 4200, [Line("tea", 2), Line("cake")])
LARGE = Order("A2", 200_000, [Line("piano")])


class World:
    def charge(self, cents: int, key: str) -> Receipt:
        effect("charged", key=key)
        return Receipt("c1", cents)

    def refund(self, charge_id: str, key: str) -> None:
        effect("refunded", key=key)

    def reserve(self, line: Line, key: str) -> str:
        effect(f"reserved {line.sku}", key=key)
        return line.sku

    def ship(self, order_id: str, key: str) -> str:
        effect("shipped", key=key)
        return f"parcel {order_id}"


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bank", "stock", "carrier"):
        monkeypatch.setattr(examples.orders, name, World())


def names(lab: Lab) -> list[str]:
    return sorted(effect.name for effect in lab.effects)


async def test_a_small_order_is_shipped_after_an_hour() -> None:
    async with Lab(registry, check_replay=True) as lab:
        began = lab.now
        run = await lab.start(fulfil, SMALL)
        assert await run.result() == Shipment("A1", "parcel A1", ["tea", "cake"])
        assert lab.now - began >= timedelta(hours=1)
        assert names(lab) == ["charged", "reserved cake", "reserved tea", "shipped"]


async def test_a_large_order_waits_for_its_release() -> None:
    async with Lab(registry) as lab:
        run = await lab.start(fulfil, LARGE)
        await lab.skip(days=1)
        assert run.questions == ["Release this order?"]
        lab.answer(run, Verdict(approve=True))
        assert (await run.result()).parcel == "parcel A2"


async def test_an_order_that_nobody_releases_is_not_charged() -> None:
    async with Lab(registry) as lab:
        run = await lab.start(fulfil, LARGE)
        await lab.skip(days=2)
        with pytest.raises(Ended, match="not released: no answer"):
            await run.result()
        assert names(lab) == []


async def test_an_order_that_cannot_be_shipped_is_refunded() -> None:
    async with Lab(registry) as lab:
        lab.fail_step("ship", Fatal("no such street"))
        run = await lab.start(fulfil, SMALL)
        with pytest.raises(Ended, match="no such street"):
            await run.result()
        assert names(lab)[-1] == "reserved tea"
        assert "refunded" in names(lab)


async def release(lab: Lab, run: Any) -> None:
    lab.answer(run, Verdict(approve=True))


async def test_it_is_charged_and_shipped_once_wherever_its_worker_dies() -> None:
    (await crash_everywhere(fulfil, LARGE, registry=registry, play=release)).check()


async def fails_to_ship(lab: Lab, run: Any) -> None:
    lab.fail_step("ship", Fatal("no such street"), times=9)


async def test_it_is_refunded_once_wherever_its_worker_dies() -> None:
    report = await crash_everywhere(fulfil, SMALL, registry=registry, play=fails_to_ship)
    assert report.outcome.startswith("failed")
    report.check()
