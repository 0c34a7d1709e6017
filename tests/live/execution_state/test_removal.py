"""Months that were kept long enough leave, with nothing of what must stay."""

import asyncio
import gzip
import hashlib

import msgspec
import pytest
from pyarrow import parquet

from onward_execution_state.maintenance.exporting import ExportFailed
from onward_execution_state.rebuild import Log, rebuild
from tests.live.execution_state.conftest import SOURCE
from tests.live.execution_state.months import NOW, Config, World, stopped_before_the_export, whole
from tests.live.execution_state.recorded import Recorded


@pytest.fixture
async def world(database, projector_of):
    made = World(database, projector_of)
    yield made
    for leader in made.leaders:
        await leader.close()


async def test_a_month_leaves_without_longer_classes_holds_and_what_is_open(world):
    await world.fill()

    await whole(world.removal(Config(*world.ids("held"))))

    stay = "long", "hold", "held", "open", "over the month", "october"
    assert await world.shown() == world.ids(*stay)
    assert await world.shown("events", "execution_id") == world.ids(*stay)
    found = await world.database.ask("select count(*) as n from events")
    assert found[0]["n"] == sum(len(world.made[name].events) for name in stay)
    assert await world.shown("ends", "execution_id") == world.ids(*stay) - world.ids("open")


async def test_what_events_still_holds_is_not_removed(world):
    await world.fill(purged=1)

    told = await whole(world.removal(Config()))

    assert "EVENTS" in told.waits_for
    assert len(await world.shown()) == len(world.made)


async def test_sums_outlive_what_they_were_made_of_and_a_rebuild_begins_with_them(world):
    await world.fill()
    before = await world.sums()

    await whole(world.removal(Config()))
    assert await world.sums() == before

    log = Log(events=Recorded([]), source=SOURCE, first_sequence=world.events + 1)
    await rebuild(world.database._url, log, NOW)

    assert await world.sums() == before
    assert await world.shown() == world.ids("long", "hold", "open", "over the month", "october")


async def test_what_was_lifted_leaves_with_the_next_round(world):
    await world.fill()
    config = Config(*world.ids("held"))
    removal = world.removal(config)
    await whole(removal)
    assert world.ids("held") <= await world.shown()

    config.held.clear()
    await whole(removal)

    assert not world.ids("held") & await world.shown()
    assert not world.ids("held") & await world.shown("events", "execution_id")


async def test_two_replicas_remove_each_month_once(world):
    await world.fill()
    both = [world.removal(Config()), world.removal(Config())]

    await asyncio.gather(*map(whole, both))

    for leader in world.leaders:
        await leader.close()
    await whole(both[1])
    found = await world.database.ask("select retention, month, state, executions from removals")
    places = [(row["retention"], row["month"]) for row in found]
    assert len(places) == len(set(places))
    assert {row["state"] for row in found} == {"dropped"}
    assert sum(row["executions"] for row in found) == len(world.ids("short", "default", "held", "failed"))


def exported(folder):
    """The rows in an export by table, each file held to its manifest, and Parquet to the lines."""
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    found, columns = {}, {}
    for file in manifest["files"]:
        data = (folder / file["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == file["sha256"]
        name, _, kind = file["name"].partition(".")
        if kind == "parquet":
            columns[name] = parquet.read_table(folder / file["name"]).to_pylist()
        else:
            found[name] = [msgspec.json.decode(line) for line in gzip.decompress(data).splitlines()]
            assert len(found[name]) == file["rows"]
    for name, rows in found.items():
        assert [as_json(row) for row in columns[name]] == rows
    return found


def as_json(row):
    """A row of Parquet as its line has it."""
    plain = msgspec.to_builtins(row)
    return {
        **plain,
        **{name: msgspec.json.decode(plain[name]) for name in ("body", "state", "labels") if plain.get(name)},
    }


async def test_an_export_holds_what_is_dropped_and_nothing_is_dropped_before_it_is_whole(world, tmp_path):
    await world.fill()
    in_the_way = tmp_path / "export"
    in_the_way.write_text("a file where the folder should be")
    removal = world.removal(Config(*world.ids("held")), in_the_way)
    with pytest.raises(ExportFailed, match="export"):
        await removal.run_once(NOW)
    kept = await world.database.ask("select state from removals")
    assert [row["state"] for row in kept] == ["counted"]
    in_the_way.unlink()
    left = in_the_way / "default-2026-09-1.partial"
    left.mkdir(parents=True)
    (left / "executions.ndjson.gz").write_bytes(b"half")

    await whole(removal)

    found = [
        exported(folder) for folder in sorted(in_the_way.iterdir()) if not folder.name.endswith(".partial")
    ]
    executions = [row for one in found for row in one["executions"]]
    assert {row["id"] for row in executions} == world.ids("short", "default", "failed")
    events = [row for one in found for row in one["events"]]
    assert len(events) == sum(len(world.made[name].events) for name in ("short", "default", "failed"))
    assert all(row["body"]["execution_id"] == row["execution_id"] for row in events)
    assert (
        await world.database.ask("select 1 from pg_class where relname like 'removed\\_%' and relkind = 'r'")
        == []
    )


@pytest.mark.parametrize("found", ["empty folder", "export of another database"])
async def test_what_lies_in_the_place_of_an_export_is_not_taken_for_it(world, tmp_path, found):
    await world.fill()
    for number in range(1, 100):
        for name in (f"short-2026-09-{number}", f"default-2026-09-{number}", f"short-2026-10-{number}"):
            (tmp_path / name).mkdir()
            if found != "empty folder":
                other = {"retention": name[:-10], "month": "2026-09-01", "removal": number, "files": []}
                (tmp_path / name / "manifest.json").write_bytes(msgspec.json.encode(other))

    with pytest.raises(ExportFailed, match="is there already"):
        await whole(world.removal(Config(), tmp_path))

    kept = await world.database.ask("select state from removals")
    assert [row["state"] for row in kept] == ["counted"]


async def test_what_is_held_after_it_was_taken_out_is_not_dropped_and_keeps_no_other_month(world, tmp_path):
    await world.fill()
    config, folder = Config(), tmp_path / "export"
    removal = world.removal(config, folder)
    await stopped_before_the_export(removal, folder)

    config.held = world.ids("default")
    told = await whole(removal)

    assert "holds on" in told.waits_for
    kept, *others = await world.database.ask("select id, state from removals order by id")
    assert kept["state"] == "counted"
    assert config.held <= await world.shown(f"removed_{kept['id']}_executions")
    assert {other["state"] for other in others} == {"dropped"}, "and there are some"

    config.held = set()
    await whole(removal)
    assert {row["state"] for row in await world.database.ask("select state from removals")} == {"dropped"}


async def test_a_rebuild_goes_past_what_is_taken_out_and_its_export_comes_later(world, tmp_path):
    await world.fill()
    removal = world.removal(Config(), tmp_path / "export")
    await stopped_before_the_export(removal, tmp_path / "export")
    before = await world.sums()

    log = Log(events=Recorded([]), source=SOURCE, first_sequence=world.events + 1)
    await rebuild(world.database._url, log, NOW)
    await whole(removal)

    assert await world.sums() == before
    assert await world.shown() == world.ids("long", "hold", "open", "over the month", "october")
    assert {row["state"] for row in await world.database.ask("select state from removals")} == {"dropped"}
