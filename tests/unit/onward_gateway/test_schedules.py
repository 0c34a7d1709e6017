"""Schedules over REST: made, refused, told in words, and their ticks by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from onward.contract.ids import tick_id
from onward.contract.schedules import ScheduleSpec
from onward.schedules import deciding

SCHEDULES = "/api/v1/schedules"
NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
NIGHTLY = {
    "name": "nightly", "cron": "0 2 * * *", "zone": "Europe/Berlin",
    "submission": {"task": "noop", "input": {"day": "{{date}}"}},
}  # fmt: skip


@pytest.fixture
async def noon(house):
    house.now = NOON
    return house


async def made(house, **members):
    reply = await house.call("POST", SCHEDULES, NIGHTLY | members)
    assert reply.status == 201, reply.json
    return reply.json


async def state(house):
    found, _ = await house.ticks.last("default", "nightly")
    return found


async def test_a_schedule_says_in_words_when_it_fires_and_when_next(noon):
    shown = await made(noon)

    assert shown["words"] == "At 02:00 every day (Europe/Berlin)"
    assert shown["next_at"] == "2026-03-29T01:00:00Z"
    assert shown["submission"] == NIGHTLY["submission"]
    assert (await noon.call("GET", f"{SCHEDULES}/nightly")).json == shown
    assert [one["name"] for one in (await noon.call("GET", SCHEDULES)).json["items"]] == ["nightly"]


async def test_the_next_ticks_are_told_in_both_zones_with_a_note_where_the_clocks_change(noon):
    await made(noon)

    first, second, third = (await noon.call("GET", f"{SCHEDULES}/nightly/next?count=3")).json

    assert (first["tick"], first["local"]) == ("2026-03-29T01:00:00Z", "2026-03-29T03:00:00+02:00")
    assert first["note"] == "the clocks of Europe/Berlin change on that day"
    assert (second["tick"], third["note"]) == ("2026-03-30T00:00:00Z", None)


async def test_a_preview_tells_when_it_would_fire_and_stores_nothing(noon):
    told = await noon.call("POST", f"{SCHEDULES}/preview?count=2", NIGHTLY)

    assert (told.status, told.json["words"]) == (200, "At 02:00 every day (Europe/Berlin)")
    assert [tick["tick"] for tick in told.json["next"]] == ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]
    assert (await noon.call("GET", SCHEDULES)).json["items"] == []


@pytest.mark.parametrize(
    "members, pointer",
    [
        ({"cron": "0 2 * *"}, "/cron"),
        ({"cron": "0 2 31 2 *"}, "/cron"),
        ({"zone": "Mars/Olympus"}, "/zone"),
        ({"every": 5.0}, "/cron"),
        ({"cron": None, "at": "2020-01-01T00:00:00Z"}, "/at"),
        ({"overlap": "sometimes"}, "overlap"),
        ({"submission": {}}, "/submission"),
        ({"submission": {"task": "nope"}}, "/submission"),
        ({"submission": {"task": "noop", "run_at": "2030-01-01T00:00:00Z"}}, "/submission/run_at"),
        ({"submission": {"task": "noop", "idempotency_key": "k"}}, "/submission/idempotency_key"),
        ({"submission": {"task": "noop", "input": "{{nothing}}"}}, "/submission"),
        ({"submission": {"task": "typed", "input": {"a": "{{tick}}"}}}, "/submission"),
        ({"uid": "mine"}, "uid"),
    ],
)
async def test_what_could_never_fire_is_refused_when_it_is_made(noon, members, pointer):
    reply = await noon.call("POST", SCHEDULES, NIGHTLY | members)
    previewed = await noon.call("POST", f"{SCHEDULES}/preview", NIGHTLY | members)
    assert (previewed.status, previewed.json["detail"]) == (reply.status, reply.json["detail"])

    assert reply.status == 400, reply.json
    assert pointer in reply.body.decode()


async def test_ticks_of_old_times_are_not_missed_once_times_change_or_a_pause_ends(noon):
    first = await made(noon)
    noon.now += timedelta(hours=1)
    described = await noon.call("PATCH", f"{SCHEDULES}/nightly", {"description": "all of it"})
    moved = await noon.call("PATCH", f"{SCHEDULES}/nightly", {"zone": "Asia/Tokyo"})
    noon.now += timedelta(hours=1)
    await noon.call("POST", f"{SCHEDULES}/nightly/pause", {"reason": "the database moves"})
    noon.now += timedelta(hours=1)
    resumed = await noon.call("POST", f"{SCHEDULES}/nightly/resume")

    since = [one["since"] for one in (first, described.json, moved.json, resumed.json)]
    assert since == ["2026-03-28T12:00:00Z"] * 2 + ["2026-03-28T13:00:00Z", "2026-03-28T15:00:00Z"]
    assert {one["uid"] for one in (first, moved.json)} == {first["uid"]}


async def test_a_pause_says_why(noon):
    await made(noon)

    shown = (await noon.call("POST", f"{SCHEDULES}/nightly/pause", {"reason": "the database moves"})).json

    assert (shown["paused"], shown["paused_because"]) == (True, "the database moves")
    assert (await noon.call("GET", f"{SCHEDULES}/nightly")).json["next_at"] is None


async def test_a_schedule_whose_task_is_gone_can_be_paused_and_not_resumed(noon):
    await made(noon)
    noon.config.put_bytes("default", "task", "noop", b"")

    assert (await noon.call("POST", f"{SCHEDULES}/nightly/pause")).status == 200
    assert (await noon.call("POST", f"{SCHEDULES}/nightly/resume")).status == 400


async def test_a_schedule_of_an_agent_that_nobody_made_is_refused(noon):
    reply = await noon.call("POST", SCHEDULES, NIGHTLY | {"submission": {"agent": "nobody"}})

    assert (reply.status, reply.code) == (400, "invalid_body")


async def test_a_trigger_starts_an_execution_now_and_is_in_the_history(noon):
    await made(noon)

    reply = await noon.call("POST", f"{SCHEDULES}/nightly/trigger")

    assert (reply.status, reply.json["source"], reply.json["origin"]) == (202, "schedule", "nightly")
    assert reply.json["input"] == {"day": "2026-03-28"}
    (row,) = (await state(noon)).rows
    assert (row.outcome, row.cause, row.execution_id) == ("fired", "trigger", reply.json["id"])
    assert (await state(noon)).open == ()


async def test_a_trigger_with_an_idempotency_key_starts_one_execution(noon):
    await made(noon)
    key = [(b"idempotency-key", b"mine")]

    first = await noon.call("POST", f"{SCHEDULES}/nightly/trigger", headers=key)
    second = await noon.call("POST", f"{SCHEDULES}/nightly/trigger", headers=key)

    assert (first.status, second.status) == (202, 200)
    assert first.json["id"] == second.json["id"]


async def test_a_trigger_that_is_refused_is_in_the_history_with_its_reason(noon):
    await made(noon)
    noon.config.put_bytes("default", "task", "noop", b"")

    reply = await noon.call("POST", f"{SCHEDULES}/nightly/trigger")

    assert reply.code == "unknown_task"
    (row,) = (await state(noon)).rows
    assert row.outcome == "refused"
    assert row.reason.startswith("unknown_task: ")


async def test_a_backfill_is_counted_first_and_then_left_to_the_replicas(noon):
    await made(noon)
    asked = {"since": "2026-03-20T00:00:00Z", "until": "2026-03-27T00:00:00Z", "rate": 30.0}

    counted = await noon.call("POST", f"{SCHEDULES}/nightly/backfill", asked | {"preview": True})
    assert (counted.status, counted.json["count"], counted.json["id"]) == (200, 7, None)
    assert await state(noon) is None
    begun = await noon.call("POST", f"{SCHEDULES}/nightly/backfill", asked)

    assert (begun.status, begun.json["count"], begun.json["seconds"]) == (202, 7, 12.0)
    (backfill,) = (await state(noon)).backfills
    assert (backfill.rate, backfill.by) == (30.0, "key:" + backfill.by.removeprefix("key:"))


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "2026-03-20T00:00:00Z", "until": "2027-01-01T00:00:00Z"},
        {"since": "2026-03-20T00:00:00Z", "until": "2026-03-19T00:00:00Z"},
        {"since": "2026-03-20T00:00:00", "until": "2026-03-21T00:00:00Z"},
        {"since": "2026-03-20T00:00:00Z", "until": "2026-03-21T00:00:00Z", "rate": 0},
    ],
)
async def test_a_backfill_that_cannot_be_meant_is_refused(noon, asked):
    await made(noon)

    assert (await noon.call("POST", f"{SCHEDULES}/nightly/backfill", asked)).status in {400, 422}


async def test_what_a_replica_decides_meanwhile_is_not_lost_by_a_trigger(noon):
    shown = await made(noon)
    spec_state = deciding.begin(noon.spec(ScheduleSpec, "nightly"), NOON)
    at = NOON + timedelta(hours=13)
    decided = deciding.decide(noon.spec(ScheduleSpec, "nightly"), spec_state, deciding.Busy(), "default", at)
    await noon.ticks.put("default", "nightly", decided, 0)

    await noon.call("POST", f"{SCHEDULES}/nightly/trigger")

    (still_open,) = (await state(noon)).open
    assert still_open.execution_id == tick_id("default", shown["uid"], still_open.tick)


async def test_a_schedule_that_never_was_has_no_next_tick_and_no_history(noon):
    for path in ("next", "runs"):
        assert (await noon.call("GET", f"{SCHEDULES}/nobody/{path}")).status in {404, 503}
