import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from onward.contract import subjects
from onward_execution_state import migrate
from tests.live.execution_state.making import Heard, append, until
from tests.live.execution_state.processes import Service, walk
from tests.support.postgres import one_postgres


@pytest.fixture
def made(nats_server, tmp_path):
    """A Postgres of its own, not started yet, and the service over it."""
    with one_postgres() as server:
        service = Service(nats_server, server.new_database(), tmp_path)
        yield server, service
        if service.process is not None and service.process.poll() is None:
            service.process.kill()
            service.process.wait()


async def listed(bus):
    reply = await bus.messages.ask(subjects.ask("state", "list"), b'{"project":"default"}', timeout=5)
    return msgspec.json.decode(reply)


async def test_it_lives_without_postgres_and_catches_up_when_that_is_back(bus, made):
    postgres, service = made
    postgres.stop()
    service.start()
    await until(
        lambda: asyncio.to_thread(lambda: (service.reasons() or {}).get("streams", "") is None), within=30
    )
    heard = await Heard.on(bus, "onward.live.>")

    await append(bus, walk().submit())

    await heard.until(1)
    reasons = await asyncio.to_thread(service.reasons)
    assert "Postgres does not answer" in reasons["postgres"]
    assert "Postgres does not answer" in reasons["schema"]
    assert (await asyncio.to_thread(service.get, "/livez"))[0] == 200
    assert (await listed(bus))["problem"]["code"] == "unavailable"

    postgres.start()
    await service.ready()

    async def there():
        return len((await listed(bus)).get("items", [])) == 1

    await until(there)
    assert service.stop() == 0


async def test_postgres_may_leave_and_come_back_while_it_works(bus, made):
    postgres, service = made
    service.start()
    await service.ready()
    await append(bus, walk(1).submit())

    for seed, end in ((2, postgres.stop), (3, postgres.kill)):
        end()
        await append(bus, walk(seed).submit())
        postgres.start()

    async def there():
        return len((await listed(bus)).get("items", [])) == 3

    await until(there, within=20)
    assert service.stop() == 0


async def test_what_is_stored_is_listed_a_moment_later(bus, made):
    _, service = made
    service.start()
    await service.ready()
    one = walk().submit()
    sequence = await append(bus, one)

    asked = json.dumps({"project": "default", "min_position": sequence}).encode()
    page = msgspec.json.decode(await bus.messages.ask(subjects.ask("state", "list"), asked, timeout=5))

    assert [item["id"] for item in page["items"]] == [one.state.id]
    assert page["as_of"]["position"] >= sequence


def test_check_says_whether_the_settings_are_fine_and_connects_to_nothing(made):
    postgres, service = made
    postgres.stop()

    assert service.run("check").returncode == 0
    wrong = service.run("check", ONWARD_PORT="many")
    assert (wrong.returncode, "ONWARD_PORT" in wrong.stderr) == (78, True)
    assert service.run("dance").returncode == 2


def test_migrate_makes_the_schema_and_says_so(made):
    postgres, service = made

    there = len(list(Path(migrate.__file__).with_name("migrations").glob("*.sql")))
    assert f"applied {there} migrations" in service.run("migrate").stdout
    assert "as it must be" in service.run("migrate").stdout

    postgres.stop()
    away = service.run("migrate")
    assert (away.returncode, "fix:" in away.stderr) == (1, True)


async def test_rebuild_and_verify_work_beside_the_running_service(bus, made):
    postgres, service = made
    service.start()
    await service.ready()
    for seed in range(5):
        await append(bus, walk(seed).submit().claim().complete())
    name = service.env["ONWARD_DATABASE_URL"].rpartition("/")[2]
    await until(
        lambda: asyncio.to_thread(lambda: postgres.sql("select count(*) from executions", name) == "5")
    )
    await asyncio.to_thread(postgres.sql, "update executions set reason = 'damaged'", name)

    differs = await asyncio.to_thread(service.run, "verify")
    rebuilt = await asyncio.to_thread(service.run, "rebuild")
    equal = await asyncio.to_thread(service.run, "verify")

    assert (differs.returncode, rebuilt.returncode, equal.returncode) == (1, 0, 0)
    assert "onward admin rebuild" in differs.stdout
    await append(bus, walk(77).submit())
    await until(
        lambda: asyncio.to_thread(lambda: postgres.sql("select count(*) from executions", name) == "6")
    )
