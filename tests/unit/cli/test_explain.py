import json

from onward.contract import events as ev
from tests.unit.client.fake_surroundings import worker


def test_seed_stuck_pending_is_explained_with_its_fix(onward, gateway):
    one = gateway.submit()

    told = onward("execution", "explain", one)

    assert told.out.splitlines()[1:] == [
        "  no worker takes from queue default; none did lately",
        "    → onward worker start --queue default",
    ]
    assert (
        json.loads(onward("execution", "explain", one, "-o", "json").out)["causes"][0]["code"] == "no_worker"
    )


def test_get_says_why_it_waits_in_one_line(onward, gateway):
    one = gateway.submit()
    gateway.workers = [worker(busy=20)]

    assert (
        "why        all slots are taken: 20/20 on 1 worker of queue default"
        in onward("execution", "get", one).out
    )


def test_get_of_what_runs_or_asks_tells_nothing_twice(onward, gateway):
    gateway.workers = [worker()]
    running, asking = gateway.submit(), gateway.submit()
    gateway.start(running)
    gateway.start(asking)
    gateway.ask(asking, "Go on?")

    assert "why" not in onward("execution", "get", running).out
    assert "why" not in onward("execution", "get", asking).out


def test_watch_says_why_it_waits(onward, gateway):
    one = gateway.submit()
    gateway.happen(one, ev.Paused, actor="key:ann")
    gateway.happen(one, ev.Cancelled)
    other = gateway.submit()
    gateway.happen(other, ev.Paused, actor="key:ann")

    assert "it is paused by key:ann" in onward("execution", "get", other).out
    assert "cancelled" in onward("execution", "watch", one).out
