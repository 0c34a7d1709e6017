import json

import pytest

from tests.unit.client.fake_gateway import KEY
from tests.unit.client.fake_surroundings import worker


def levels(told):
    return {(one["about"], one["level"]) for one in json.loads(told.out)}


def test_all_is_well(onward, gateway):
    gateway.workers = [worker()]

    told = onward("doctor", "-o", "json")

    assert told.code == 0
    assert levels(told) == {
        (about, "ok") for about in ("profile", "gateway", "clock", "key", "workers", "losses")
    }


def test_what_is_wrong_is_told_with_its_fix_and_is_exit_code_1(onward, gateway):
    gateway.checks = [{"name": "nats", "ok": False, "reason": "sync_interval is 2m"}]
    gateway.waiting = 3

    told = onward("doctor")

    assert told.code == 1
    assert "✕ gateway          nats: sync_interval is 2m" in told.out
    assert "! queues           3 wait in 'default', and no worker takes from it" in told.out
    assert "fix: onward worker start --queue default" in told.out


def test_each_loss_is_told_with_its_fix(onward, gateway):
    gateway.workers = [worker()]
    gateway.losses = [
        {
            "kind": "log",
            "count": 2,
            "since": "2026-03-01T12:00:00Z",
            "first": ["a: event 3 is lost", "b: events 1 to 4"],
        },
        {"kind": "range", "count": 1, "since": "2026-03-01T12:00:00Z", "first": ["6-9: purged"]},
        {"kind": "end", "count": 1, "since": "2026-03-01T12:00:00Z", "first": ["c: stands as open"]},
    ]

    told = onward("doctor")

    assert told.code == 1
    assert "EVENTS has lost events of 2 executions: a: event 3 is lost; b: events 1 to 4" in told.out
    assert "fix: onward admin mend" in told.out
    assert "put back a newer copy of Postgres" in told.out
    assert "fix: onward execution cancel ID" in told.out


def test_nobody_there_is_told_once(onward, monkeypatch):
    monkeypatch.setenv("ONWARD_URL", "http://127.0.0.1:1")

    told = onward("doctor", "-o", "json")

    assert told.code == 1
    assert levels(told) == {("profile", "ok"), ("gateway", "fail")}


def test_a_wrong_key_is_a_failure_of_its_own(onward, monkeypatch):
    monkeypatch.setenv("ONWARD_API_KEY", "ow_wrong")

    told = onward("doctor", "-o", "json")

    assert told.code == 1
    assert ("key", "fail") in levels(told)
    assert ("gateway", "ok") in levels(told)


def test_workers_of_another_release_are_a_warning(onward, gateway):
    gateway.workers = [worker(version="0.0.1")]

    told = onward("doctor", "-o", "json")

    assert (told.code, ("workers", "warn") in levels(told)) == (0, True)


def test_a_profile_that_others_may_read_is_a_warning(onward, gateway, env, monkeypatch, tmp_path):
    path = tmp_path / "profile.json"
    path.write_text(json.dumps({"url": gateway.url, "api_key": KEY}))
    path.chmod(0o644)
    monkeypatch.delenv("ONWARD_URL")
    monkeypatch.delenv("ONWARD_API_KEY")

    told = onward("doctor", "-o", "json")

    assert ("profile", "warn") in levels(told)
    assert f"chmod 600 {path}" in told.out


@pytest.mark.parametrize("content", ["", "{}"])
def test_a_broken_profile_is_told(onward, env, monkeypatch, tmp_path, content):
    (tmp_path / "profile.json").write_text(content)
    monkeypatch.delenv("ONWARD_URL")

    told = onward("doctor", "-o", "json")

    assert (told.code, levels(told)) == (1, {("profile", "fail")})
