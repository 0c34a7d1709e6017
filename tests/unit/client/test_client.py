import socket
import threading

import pytest

from onward.client import ApiProblem, Client, OutcomeUnknown, Unreachable
from onward.client.client import REFERENCE
from onward.contract import events as ev
from onward.contract import values
from onward.contract.errors import Misconfigured
from tests.unit.client.fake_gateway import KEY


def test_a_submission_returns_the_execution_that_was_stored(client, gateway):
    execution = client.submit("report", {"path": "/"}, labels={"team": "a"}, priority=7)

    assert execution["status"] == "pending"
    assert (execution["priority"], execution["labels"]) == (7, {"team": "a"})
    assert client.get(execution["id"])["input"] == {"path": "/"}


def test_what_was_not_given_is_not_sent(client, gateway):
    client.submit("report")

    assert gateway.sent("POST")[0].body == {"task": "report"}


def test_one_connection_serves_many_calls(client, gateway):
    one = gateway.submit()
    client.get(one)
    connection = client.wire._connection.sock.getsockname()

    client.get(one)

    assert client.wire._connection.sock.getsockname() == connection


def test_a_read_is_repeated_when_its_connection_is_lost(client, gateway):
    one = gateway.submit()
    gateway.lose.extend(["before", "after"])

    assert client.get(one)["id"] == one
    assert len(gateway.sent("GET", one)) == 3


def test_a_submission_with_a_key_is_repeated_and_stays_one_execution(client, gateway):
    gateway.lose.append("after")

    execution = client.submit("report", idempotency_key="once")

    assert list(gateway.logs) == [execution["id"]]


def test_a_submission_without_a_key_is_never_sent_twice_and_its_doubt_is_told(client, gateway):
    gateway.lose.append("after")

    with pytest.raises(OutcomeUnknown) as doubt:
        client.submit("report")

    assert len(gateway.logs) == 1
    assert len(gateway.sent("POST")) == 1
    assert "idempotency key" in doubt.value.fix


def test_a_cancel_is_repeated_when_its_connection_is_lost(client, gateway):
    one = gateway.submit()
    gateway.lose.append("after")

    assert client.cancel(one)["status"] == "cancelled"


def test_a_retry_is_not_repeated_when_its_connection_is_lost(client, gateway):
    one = gateway.submit()
    client.cancel(one)
    gateway.lose.append("after")

    with pytest.raises(OutcomeUnknown):
        client.retry(one)


def test_a_connection_that_the_server_closed_while_idle_costs_no_doubt(client, gateway):
    one = gateway.submit()
    client.get(one)
    client.wire._connection.sock.shutdown(socket.SHUT_WR)  # the server sees the end, and closes its side
    gateway.until(lambda: _closed(client))

    execution = client.submit("report")

    assert execution["id"] in gateway.logs


def _closed(client):
    from onward.client.wire import _closed_by_peer

    return _closed_by_peer(client.wire._connection)


def test_a_busy_server_is_asked_again_when_it_said_so(gateway):
    pauses = []
    one = gateway.submit()
    gateway.busy.append((503, "3"))

    with Client(gateway.url, KEY, pause=pauses.append) as client:
        assert client.get(one)["id"] == one

    assert pauses[0] >= 3.0


def test_a_server_that_stays_busy_beyond_our_patience_is_a_problem(gateway):
    gateway.busy.append((503, "60"))

    with Client(gateway.url, KEY, patience=2.0) as client, pytest.raises(ApiProblem) as busy:
        client.get(gateway.submit())

    assert (busy.value.code, busy.value.status) == ("overloaded", 503)


def test_an_unkeyed_submission_is_repeated_after_429_and_not_after_503(gateway):
    gateway.busy.append((429, "1"))
    with Client(gateway.url, KEY, pause=lambda _: None) as client:
        client.submit("report")
        gateway.busy.append((503, "1"))

        with pytest.raises(ApiProblem):
            client.submit("report")

    assert len(gateway.sent("POST")) == 3


def test_a_refusal_carries_code_status_cause_and_fix(client):
    with pytest.raises(ApiProblem) as refused:
        client.submit("reprot")

    problem = refused.value
    assert (problem.code, problem.status, problem.fix) == ("unknown_task", 422, "did you mean 'report'?")
    assert "reprot" in problem.detail


def test_an_answer_that_is_no_problem_still_makes_a_sentence():
    problem = ApiProblem.of(502, b"<html>Bad gateway</html>")

    assert (problem.code, problem.status) == ("http_502", 502)
    assert "502" in problem.detail


def test_nobody_there_is_unreachable_after_the_patience_and_says_what_to_do():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        client = Client(url, KEY, patience=0.2)

        with pytest.raises(Unreachable) as silent:
            client.get("018f0000-0000-7000-8000-000000000001")

    assert url in str(silent.value)
    assert "onward up" in silent.value.fix


def test_one_that_never_answered_is_given_up_sooner_than_one_that_did(gateway):
    slept = []
    with Client(
        gateway.url, KEY, patience=60.0, first_contact=1.0, pause=slept.append, clock=lambda: sum(slept)
    ) as new:
        gateway.lose.extend(["before"] * 500)
        with pytest.raises(Unreachable):
            new.ready()
        never = sum(slept)
        gateway.lose.clear()
        new.ready()
        gateway.lose.extend(["before"] * 500)
        with pytest.raises(Unreachable):
            new.ready()

    assert never <= 1.0
    assert sum(slept) - never > 50


def test_a_list_goes_on_over_all_pages_and_stops_at_its_limit(client, gateway):
    made = {gateway.submit() for _ in range(410)}

    assert {one["id"] for one in client.list()} == made
    assert len(list(client.list(limit=250))) == 250
    assert [len(one.query["limit"]) for one in gateway.sent("GET", "/executions")] == [1] * 5


def test_a_filter_with_several_values_is_repeated(client, gateway):
    failed, done = gateway.submit(), gateway.submit()
    gateway.submit()
    for one in (failed, done):
        gateway.start(one)
    gateway.fail(failed)
    gateway.complete(done)

    found = {one["id"] for one in client.list(status=["failed", "completed"])}

    assert found == {failed, done}


def test_waiting_returns_how_it_ended(client, gateway):
    one = gateway.submit()
    gateway.start(one)
    threading.Timer(0.2, gateway.complete, (one, {"rows": 3})).start()

    execution = client.wait(one)

    assert (execution["status"], execution["output"]) == ("completed", {"rows": 3})


def ended(gateway, *output):
    (one,) = gateway.logs
    gateway.start(one)
    gateway.complete(one, *output)


def test_a_call_is_one_request_where_the_end_is_soon(client, gateway):
    threading.Timer(0.2, lambda: ended(gateway, {"rows": 3})).start()

    execution = client.call("report", {"path": "/"})

    assert (execution["status"], execution["output"]) == ("completed", {"rows": 3})
    assert not gateway.sent("GET", execution["id"])


def test_a_call_is_submitted_once_through_lost_connections(client, gateway):
    gateway.lose.extend(["after"] * 2)
    threading.Timer(0.5, lambda: ended(gateway)).start()

    execution = client.call("report", {"path": "/"})

    assert (execution["status"], list(gateway.logs)) == ("completed", [execution["id"]])
    assert len(gateway.sent("POST")) == 3


def test_large_values_come_whole_once_it_has_ended_and_only_then(client, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.happen(
        one, ev.CheckpointReached, attempt=1, kind="step", name="load", result=gateway.refer(one, "r")
    )
    gateway.happen(one, ev.Completed, output=gateway.refer(one, {"rows": "many"}))

    assert client.wait(one)["output"] == client.get(one)["output"] == {"rows": "many"}
    assert [seen["output"] for seen in client.watch(one)] == [{"rows": "many"}]
    assert REFERENCE in client.get(one, whole=False)["output"]
    (saved,) = client.checkpoints(one)
    assert client.value(one, saved["result"]) == "r"
    assert client.value(one, {"n": 1}) == {"n": 1}
    waits = [request.query for request in gateway.sent("GET", one) if "wait" in request.query]
    assert [query["large"] for query in waits] == [["reference"]]


def test_the_client_knows_references_by_the_member_that_the_log_gives_them():
    assert REFERENCE == values.RESERVED


def test_waiting_survives_lost_connections(client, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.lose.extend(["before"] * 3)
    threading.Timer(0.5, gateway.complete, (one,)).start()

    assert client.wait(one)["status"] == "completed"


@pytest.mark.parametrize("etags", [True, False])
def test_watching_yields_each_state_once_until_the_end(client, gateway, etags):
    gateway.tells_etags = etags
    one = gateway.submit()

    def asked_again():
        count = len(gateway.sent("GET", one))
        gateway.until(lambda: len(gateway.sent("GET", one)) > count + 1)

    def act():
        gateway.until(lambda: gateway.sent("GET", one))
        asked_again()
        gateway.start(one)
        asked_again()
        gateway.complete(one)

    acting = threading.Thread(target=act)
    acting.start()
    seen = [(execution["status"], execution["version"]) for execution in client.watch(one, every=0.01)]
    acting.join()

    assert seen == [("pending", 1), ("running", 2), ("completed", 3)]
    assert gateway.sent("GET", one)[-1].headers.get("if-none-match") == ('"2"' if etags else None)


def test_a_failure_that_is_held_for_a_person_ends_no_wait(client, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.happen(one, ev.Failed, reason="held", error=ev.Failure(type="ValueError", message="no"))

    def act():
        gateway.until(lambda: len(gateway.sent("GET", one)) > 1)
        gateway.happen(one, ev.RetryRequested, wake=True)
        gateway.start(one)
        gateway.complete(one)

    acting = threading.Thread(target=act)
    acting.start()
    execution = client.wait(one)
    acting.join()

    assert execution["status"] == "completed"


def test_cancel_retry_and_answer_change_the_execution(client, gateway):
    one, asking = gateway.submit(), gateway.submit()
    gateway.start(asking)
    gateway.ask(asking, "Go on?")

    assert client.cancel(one, "not needed")["status"] == "cancelled"
    assert client.cancel(one)["status"] == "cancelled"
    assert client.retry(one, from_start=True)["status"] == "pending"
    assert client.answer(asking, {"yes": True}, question_id="q1")["waiting_on"] == []
    assert gateway.logs[one][1].because == "not needed"
    assert gateway.logs[one][2].fresh


def test_parts_of_an_execution_are_listed(client, gateway):
    one = gateway.submit()
    gateway.start(one)

    assert [event["type"] for event in client.events(one)] == ["submitted", "started"]
    assert [attempt["attempt"] for attempt in client.attempts(one)] == [1]
    assert list(client.steps(one)) == []
    assert list(client.checkpoints(one)) == []


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8900", "ftp://here", "http://", "http://u:p@here", "http://here:port"]
)
def test_an_address_that_is_none_is_refused_before_anything_is_sent(url):
    with pytest.raises(Misconfigured, match="no gateway address"):
        Client(url, KEY)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_would_break_a_header_is_refused_and_not_shown(key):
    with pytest.raises(Misconfigured) as wrong:
        Client("http://127.0.0.1:1", key)

    assert key not in str(wrong.value)
