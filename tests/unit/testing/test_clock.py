"""The virtual clock of an ordinary event loop."""

import asyncio
import sys
import time

import pytest

from onward.testing.clock import VirtualClock


async def test_a_year_passes_at_once_and_timers_fire_in_order() -> None:
    loop, began, fired = asyncio.get_running_loop(), time.monotonic(), []
    with VirtualClock():
        start = loop.time()
        loop.call_later(3600, fired.append, "hour")
        loop.call_later(86400 * 2, fired.append, "two days")
        await asyncio.sleep(86400 * 365)
        assert loop.time() - start >= 86400 * 365
    assert fired == ["hour", "two days"]
    assert time.monotonic() - began < 5


async def test_the_loop_has_its_own_clock_again_afterwards() -> None:
    loop = asyncio.get_running_loop()
    with VirtualClock():
        await asyncio.sleep(10_000)
    assert abs(loop.time() - time.monotonic()) < 1


async def test_time_does_not_jump_while_a_thread_works() -> None:
    with VirtualClock():
        async with asyncio.timeout(30):
            await asyncio.to_thread(time.sleep, 0.2)
            assert await asyncio.to_thread(lambda: "done") == "done"


async def test_time_passes_while_a_thread_works() -> None:
    began = time.monotonic()
    with VirtualClock():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asyncio.to_thread(time.sleep, 0.5)
        assert time.monotonic() - began < 0.45


async def test_time_does_not_jump_while_a_child_process_works() -> None:
    with VirtualClock():
        async with asyncio.timeout(30):
            code = "import time; time.sleep(0.3); print('done')"
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=-1)
            assert (await child.communicate())[0] == b"done\n"


async def test_a_connection_brings_its_answer_before_time_jumps() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        await asyncio.sleep(5)
        writer.write(b"here\n")
        writer.close()

    with VirtualClock():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        async with asyncio.timeout(30):
            writer.write(b"where\n")
            assert await reader.readline() == b"here\n"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
