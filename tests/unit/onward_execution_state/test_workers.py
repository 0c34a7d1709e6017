from datetime import timedelta

import msgspec

from onward.contract.submission import Heartbeat
from onward_execution_state.workers import Workers
from tests.unit.onward_execution_state.histories import START

LATER = START + timedelta(minutes=5)


def beat(worker_id="wk-1", **fields):
    told = {
        "worker_id": worker_id, "project": "default", "connection": worker_id, "host": "h", "pid": 1, "version": "1",
        "queues": ("default",), "tasks": ("shell",), "slots": 2, "started_at": START, "at": START, **fields,
    }  # fmt: skip
    return msgspec.json.encode(Heartbeat(**told))


def test_a_worker_is_gone_when_its_heartbeats_are_missing():
    workers = Workers(START)
    workers.hear(beat(holds={"e": "ack"}), LATER)

    (here,) = workers.of_project("default", LATER + timedelta(seconds=9))
    (gone,) = workers.of_project("default", LATER + timedelta(seconds=10))

    assert (here.status, here.busy) == ("listening", 1)
    assert (gone.status, gone.busy) == ("gone", 0)


def test_a_worker_whose_connection_ended_is_gone_at_once_and_back_with_its_next_heartbeat():
    workers = Workers(START)
    workers.hear(beat(), LATER)

    workers.ended("wk-1")
    assert not workers.alive("wk-1", LATER)

    workers.hear(beat(), LATER)
    assert workers.alive("wk-1", LATER)


def test_nobody_counts_as_dead_before_we_have_listened_long_enough():
    workers = Workers(LATER)

    assert workers.alive("never-heard", LATER + timedelta(seconds=19))
    assert not workers.alive("never-heard", LATER + timedelta(seconds=20))


def test_only_workers_that_take_new_work_listen():
    workers = Workers(START)
    workers.hear(beat("wk-1"), LATER)
    workers.hear(beat("wk-2", draining=True), LATER)
    workers.hear(beat("wk-3", queues=("gpu",)), LATER)

    assert workers.listening("default", "default", LATER) == 1


def test_projects_see_their_own_workers():
    workers = Workers(START)
    workers.hear(beat(project="other"), LATER)

    assert workers.of_project("default", LATER) == []


def test_a_worker_is_forgotten_after_an_hour():
    workers = Workers(START)
    workers.hear(beat(), LATER)

    assert workers.of_project("default", LATER + timedelta(minutes=61)) == []


def test_what_is_no_heartbeat_is_passed_over():
    assert Workers(START).hear(b"{}", LATER) is None
