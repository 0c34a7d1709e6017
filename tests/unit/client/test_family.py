"""Tasks run with a bound client, from code that is no execution."""

import asyncio
import json
import threading

import pytest

from onward import ChildFailed, Registry
from onward.client.client import Client
from tests.unit.client.fake_gateway import KEY, fake_gateway

registry = Registry()


@registry.task(name="report", priority=7)
async def report(number: int) -> int:
    raise AssertionError("it runs elsewhere")


@pytest.fixture
def gateway():
    """A gateway whose executions end a moment after they are submitted: a number is doubled, 13 fails."""
    with fake_gateway() as running:
        ended, stop = set(), threading.Event()

        def work() -> None:
            while not stop.wait(0.01):
                for one in [one for one in list(running.logs) if one not in ended]:
                    ended.add(one)
                    number = json.loads(bytes(running.state(one).input))["number"]
                    running.start(one)
                    running.fail(one, "unlucky") if number == 13 else running.complete(one, 2 * number)

        thread = threading.Thread(target=work)
        thread.start()
        yield running
        stop.set()
        thread.join()


def run(gateway, make):
    async def main():
        return await make()

    with Client(gateway.url, KEY) as client, client.bind():
        return asyncio.run(main())


def test_a_task_is_run_over_a_bound_client(gateway):
    assert run(gateway, lambda: report.run(21)) == 42
    (one,) = gateway.logs
    assert gateway.state(one).priority == 7


def test_a_task_is_mapped_over_a_bound_client(gateway):
    assert run(gateway, lambda: report.map(range(12), window=5)) == [2 * number for number in range(12)]
    assert len(gateway.logs) == 12


def test_what_fails_there_raises_here_with_its_cause(gateway):
    with pytest.raises(ChildFailed, match="unlucky"):
        run(gateway, lambda: report.run(13))


def test_nothing_is_bound_after_the_with(gateway):
    run(gateway, lambda: report.run(1))
    with pytest.raises(RuntimeError, match="bind a client"):
        asyncio.run(report.run(1))
