import threading

import pytest

from onward.client import ApiProblem, Client, Unreachable
from tests.unit.client.fake_gateway import KEY


def texts(lines):
    return [line["text"] for line in lines]


def test_the_stored_log_is_read_in_order(client, gateway):
    one = gateway.submit()
    gateway.log(one, *(f"line {n}" for n in range(1000)))

    assert texts(client.logs(one)) == [f"line {n}" for n in range(1000)]


def test_reading_goes_on_after_a_line(client, gateway):
    one = gateway.submit()
    gateway.log(one, "a", "b", "c")

    assert texts(client.logs(one, after=2)) == ["c"]


def test_the_last_lines_can_be_asked_for(client, gateway):
    one = gateway.submit()
    gateway.log(one, *"abcdef")

    reader = client.logs(one, tail=2)

    assert texts(reader) == ["e", "f"]
    assert reader.last == 6


def test_following_yields_what_is_there_and_what_comes_until_the_end(client, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.log(one, "before")
    following = client.follow(one)
    seen = []
    for line in following:
        seen.append(line["text"])
        if len(seen) == 1:
            gateway.log(one, "after")
        elif len(seen) == 2:
            gateway.complete(one, 7)

    assert seen == ["before", "after"]
    assert following.execution["status"] == "completed"
    assert following.execution["output"] == 7


def test_following_over_cut_streams_has_no_gap_and_no_duplicate(client, gateway):
    one = gateway.submit()
    gateway.start(one)
    stored = [f"line {n}" for n in range(20_000)]
    gateway.cut_streams_after.extend([1, 4000, 0, 9000])
    gateway.log(one, *stored[:10_000])

    def more():
        gateway.log(one, *stored[10_000:])
        gateway.complete(one)

    threading.Timer(0.3, more).start()

    assert texts(client.follow(one)) == stored
    assert len(gateway.sent("GET", "/logs")) >= 5


@pytest.mark.parametrize("follow", [True, False])
def test_a_stream_that_is_cut_off_is_not_taken_for_the_whole(client, gateway, follow):
    one = gateway.submit()
    gateway.start(one)
    gateway.log(one, *"abc")
    gateway.complete(one)
    gateway.cut_off_once = True

    assert texts(client.follow(one) if follow else client.logs(one)) == list("abc")


def test_half_a_line_at_the_end_of_an_unframed_stream_is_read_again(client, gateway):
    one = gateway.submit()
    gateway.log(one, *"abc")
    gateway.framed = False
    gateway.cut_streams_after.append(2)

    assert texts(client.logs(one)) == list("abc")


def test_a_stream_that_just_ends_is_asked_again_until_nothing_is_left(client, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.log(one, *"abc")
    gateway.complete(one)
    gateway.tells_ends = False

    assert texts(client.follow(one, tail=2)) == ["b", "c"]
    assert [request.query.get("after") for request in gateway.sent("GET", "/logs")] == [None, ["3"]]


def test_a_line_that_comes_twice_is_shown_once(client, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.log(one, *"abcdef")
    gateway.complete(one)
    gateway.cut_streams_after.append(3)
    gateway.forget_after_once = True

    assert texts(client.follow(one, level="info")) == list("abcdef")


def test_a_missing_line_is_fetched_again_before_anything_after_it_is_shown(client, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.log(one, *"abcdef")
    gateway.complete(one)
    gateway.skip_line_once = 4

    assert texts(client.follow(one)) == list("abcdef")


def test_lines_that_retention_removed_are_not_waited_for(client, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.log(one, *"abcdef")
    gateway.lines[one] = gateway.lines[one][3:]
    for line in gateway.lines[one]:
        line["line"] += 100
    gateway.complete(one)

    assert texts(client.follow(one)) == list("def")


def test_a_filtered_log_may_have_holes(client, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.log(one, "fine")
    gateway.log(one, "bad", level="error")
    gateway.log(one, "fine")
    gateway.log(one, "worse", level="error")
    gateway.complete(one)

    assert texts(client.follow(one, level="error")) == ["bad", "worse"]
    assert len([one for one in gateway.sent("GET", "/logs") if "follow" in one.query]) == 1


def test_following_with_a_tail_asks_for_it_only_once(client, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.log(one, *"abcdef")
    gateway.cut_streams_after.append(1)
    gateway.complete(one)

    assert texts(client.follow(one, tail=3)) == ["d", "e", "f"]


def test_following_an_unknown_execution_is_refused_at_once(client):
    with pytest.raises(ApiProblem) as refused:
        list(client.follow("018f0000-0000-7000-8000-000000000001"))

    assert refused.value.status == 404


def test_a_busy_relay_is_asked_again(client, gateway):
    one = gateway.submit()
    gateway.log(one, "a")
    gateway.busy.extend([(503, "1")] * 2)

    assert texts(client.logs(one)) == ["a"]


def test_a_log_that_cannot_be_read_is_given_up_and_says_where_to_go_on(gateway):
    slept = []
    one = gateway.submit()
    gateway.log(one, "a", "b")
    gateway.cut_streams_after.extend([1] + [0] * 500)

    with Client(gateway.url, KEY, pause=slept.append, clock=lambda: sum(slept)) as client:
        reader = client.logs(one)
        with pytest.raises(Unreachable) as lost:
            list(reader)

    assert "after line 1" in lost.value.fix
    assert 7 < sum(slept) <= 10
