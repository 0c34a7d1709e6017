"""An order, from the person who releases it to the parcel: children, a question, a payment that can be undone, a wait.

    onward run fulfil -i '{"id": "A1", "total_cents": 4200, "lines": [{"sku": "tea", "quantity": 2}]}' --follow

The world outside is three small classes here; put your own in their place.
"""

from datetime import timedelta

import msgspec

from onward import Fatal, Registry, Retry, ask, idempotency_key, log, progress, sleep, step

registry = Registry("orders")
polite = Retry(attempts=6, first=0.5, factor=2.0, cap=60.0)
NEEDS_RELEASE = 100_000
"""Cents above which a person of the finance team releases an order."""


class Line(msgspec.Struct):
    """So many of one thing."""

    sku: str
    quantity: int = 1


class Order(msgspec.Struct):
    """What somebody bought."""

    id: str
    total_cents: int
    lines: list[Line] = []


class Verdict(msgspec.Struct):
    """Whether an order is released, and why."""

    approve: bool
    note: str = ""


class Receipt(msgspec.Struct):
    """That it was paid."""

    charge_id: str
    cents: int


class Shipment(msgspec.Struct):
    """That it is on its way."""

    order_id: str
    parcel: str
    reserved: list[str]


class Bank:
    """Takes money and gives it back; the same key twice is the same payment."""

    def charge(self, cents: int, key: str) -> Receipt:
        """Take it."""
        return Receipt(f"charge of {key[-12:]}", cents)

    def refund(self, charge_id: str, key: str) -> None:
        """Give it back."""
        log(f"{charge_id} is refunded under {key[-12:]}")


class Stock:
    """Keeps things for orders."""

    def reserve(self, line: Line, key: str) -> str:
        """Keep it."""
        return f"{line.quantity} × {line.sku} as {key[-6:]}"


class Carrier:
    """Takes parcels."""

    def ship(self, order_id: str, key: str) -> str:
        """Take it along."""
        return f"parcel {order_id} as {key[-6:]}"


bank, stock, carrier = Bank(), Stock(), Carrier()


@registry.step(retry=polite, timeout=30)
def refund(receipt: Receipt) -> None:
    """Undo a charge: it is given what `charge` returned."""
    bank.refund(receipt.charge_id, idempotency_key())


@registry.step(retry=polite, timeout=30, undo=refund)
def charge(order: Order) -> Receipt:
    """Take the money."""
    return bank.charge(order.total_cents, idempotency_key())


@registry.task
async def reserve(line: Line) -> str:
    """One line of an order, as an execution of its own."""
    return await step("reserve", lambda: stock.reserve(line, idempotency_key()))


@registry.task
async def fulfil(order: Order) -> Shipment:
    """From the order to the parcel."""
    if order.total_cents > NEEDS_RELEASE:
        nobody = Verdict(approve=False, note="no answer")
        verdict = await ask(
            "Release this order?", Verdict, to="team:finance", wait=timedelta(days=2), default=nobody
        )
        if not verdict.approve:
            raise Fatal(f"not released: {verdict.note}")
    reserved = await reserve.map(order.lines, window=50)
    receipt = await charge(order)
    await progress(0.8, f"{receipt.cents} cents are paid")
    await sleep(timedelta(hours=1))  # somebody packs it: no slot, no memory
    parcel = await step("ship", lambda: carrier.ship(order.id, idempotency_key()))
    return Shipment(order.id, parcel, list(reserved))
