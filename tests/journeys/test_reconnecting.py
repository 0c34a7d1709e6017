"""Hundreds of sockets come back at once when the relay that they hung on is killed."""

import asyncio
import json
import random
import time
from pathlib import Path

import aiohttp
import pytest

from tests.support.platform import Platform, platform

SOCKETS, ROUNDS = 500, 5


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_500_sockets_come_back_at_once_after_a_kill_of_the_relay_and_slow_nobody_down(
    tmp_path: Path,
) -> None:
    async with platform(tmp_path, workers=1) as onward:
        execution = await onward.submit("chatty", {"lines": 3})
        await onward.ended(execution)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            herd = Herd(onward, session, execution)
            keeping = [asyncio.create_task(herd.keep(number)) for number in range(SOCKETS)]
            await onward.eventually(herd.is_whole, 60, "the sockets did not open")
            back, p99 = [], []
            for _ in range(ROUNDS):
                onward.kill("log_relay-1")
                await onward.eventually(herd.is_gone, 30, "the sockets did not close")
                onward.start("log_relay-1")
                asking = asyncio.create_task(ask_on(onward, execution))
                await onward.ready("log_relay-1")
                began = time.monotonic()
                await onward.eventually(herd.is_whole, 60, "not all came back")
                back.append(time.monotonic() - began)
                asking.cancel()
                (taken,) = await asyncio.gather(asking)
                p99.append(sorted(taken)[int(len(taken) * 0.99)])
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)
        print(
            f"{SOCKETS} sockets, {ROUNDS} kills: all back after {', '.join(f'{one:.1f}' for one in back)} s; "
            f"p99 of reads meanwhile {', '.join(f'{one * 1000:.0f}' for one in p99)} ms"
        )
        # The best of five: this machine may be busy with something else for a while.
        assert min(back) <= 15
        assert min(p99) <= 1


class Herd:
    """Sockets that each follow the same log, and come back as soon as they are thrown out."""

    def __init__(self, onward: Platform, session: aiohttp.ClientSession, execution: str) -> None:
        self._onward, self._session, self._execution = onward, session, execution
        self._fed: set[int] = set()

    async def is_whole(self) -> bool:
        """Each of them hangs on, and has got all lines of the log."""
        return len(self._fed) == SOCKETS

    async def is_gone(self) -> bool:
        """Each of them knows that it was thrown out."""
        return not self._fed

    async def keep(self, number: int) -> None:
        """One socket, for ever."""
        while True:
            try:
                await self._once(number)
            except (aiohttp.ClientError, OSError):
                pass
            finally:
                self._fed.discard(number)
            await asyncio.sleep(random.uniform(0.1, 0.5))

    async def _once(self, number: int) -> None:
        url = f"http://127.0.0.1:{self._onward.port('gateway-1')}/api/v1/ws"
        headers = {"Authorization": f"Bearer {self._onward.key}"}
        wanted = {"type": "subscribe", "channel": "log", "execution_id": self._execution, "after": 0}
        async with self._session.ws_connect(url, headers=headers) as socket:
            await socket.send_json(wanted)
            async for message in socket:
                said = json.loads(message.data)
                if said["type"] == "end":
                    self._fed.add(number)


async def ask_on(onward: Platform, execution: str) -> list[float]:
    """What each read of an execution took, until told to stop."""
    taken = []
    try:
        while True:
            began = time.monotonic()
            await onward.get(execution)
            taken.append(time.monotonic() - began)
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        return taken
