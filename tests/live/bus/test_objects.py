"""Large values on a real server: in the object store's own format, and through broken connections."""

import asyncio
import hashlib
import os

import nats
import pytest

from onward.bus import strays
from onward.bus.objects import CHUNK
from onward.contract import ids, subjects

pytestmark = [pytest.mark.live, pytest.mark.timeout(60)]


def value(size: int) -> tuple[str, bytes]:
    data = os.urandom(size)
    execution_id = ids.new_id(1_700_000_000_000, os.urandom(10))
    return subjects.object_name("default", execution_id, hashlib.sha256(data).hexdigest()), data


async def test_a_plain_nats_client_lists_and_reads_them(nats_server, bus):
    name, data = value(1_000_000)
    await bus.objects.put(name, data)
    client = await nats.connect(nats_server.url)
    store = await client.jetstream().object_store(subjects.BUCKET)
    assert name in [entry.name for entry in await store.list()]
    found = await store.get(name)
    assert (found.data, found.info.size, found.info.chunks) == (data, 1_000_000, -(-1_000_000 // CHUNK))
    await client.close()


async def test_a_connection_that_breaks_in_the_middle_leaves_no_half_of_a_value(bus, far, wire):
    name, data = value(12_000_000)
    storing = asyncio.ensure_future(far.objects.put(name, data))
    while not await strays.uploads(bus.connection):
        assert not storing.done()
    wire.cut()
    await storing
    assert b"".join([part async for part in bus.objects.read(name, len(data))]) == data


async def test_an_upload_that_was_never_finished_is_found_and_removed(bus, far, wire):
    name, data = value(12_000_000)
    before = await strays.uploads(bus.connection)
    storing = asyncio.ensure_future(far.objects.put(name, data))
    while not (begun := await strays.uploads(bus.connection) - before):
        assert not storing.done()
    storing.cancel()
    await asyncio.gather(storing, return_exceptions=True)
    await far.connection.flush()
    assert await strays.entry(bus.connection, name) is None
    # The server may still be storing what had arrived: it is looked for in each round.
    async with asyncio.timeout(40):
        while begun & await strays.uploads(bus.connection):
            await strays.remove_uploads(bus.connection, begun)


async def test_what_was_stored_anew_since_it_was_looked_at_is_not_removed(bus, monkeypatch):
    name, data = value(300_000)
    await bus.objects.put(name, data)
    looked_at = await strays.entry(bus.connection, name)
    monkeypatch.setattr("onward.bus.objects.TRUSTED", -looked_at.stored_at.resolution)
    await bus.objects.put(name, data)
    await strays.remove(bus.connection, looked_at)
    assert b"".join([part async for part in bus.objects.read(name, len(data))]) == data
