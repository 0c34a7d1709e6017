"""Questions in the terminal: what is asked, of whom, and answers of the type that is wanted."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from onward.contract import events as ev
from tests.unit.client.fake_gateway import raw

NUMBER = raw({"type": "integer"})


def asking(gateway, text="Go on?", choices=(), **more):
    one = gateway.submit()
    gateway.start(one)
    gateway.ask(one, text, choices, **more)
    return one


def test_open_questions_are_listed_with_who_is_asked_and_until_when(onward, gateway):
    soon = datetime.now(UTC) + timedelta(hours=1, seconds=30)
    one = asking(gateway, choices=("yes", "no"), to="team:ops", until=soon)

    told = onward("question", "list")

    row = told.out.splitlines()[1].split("\t")
    assert row == [f"{one}/q1", "? open", "report", "team:ops", row[4], "in 1h", "Go on? (yes | no)"]


def test_what_was_answered_is_listed_with_by_whom(onward, gateway):
    one = asking(gateway)
    asking(gateway, "Still open?")
    assert onward("question", "answer", one, "fine").code == 0

    (shown,) = json.loads(onward("question", "list", "--status", "answered", "-o", "json").out)

    assert (shown["execution_id"], shown["answer"], shown["answered_by"]) == (one, "fine", "key:test")
    assert '"fine" by key:test' in onward("question", "list", "--all").out


def test_nothing_open_is_said(onward):
    assert "nobody is asked anything" in onward("question", "list").err


@pytest.mark.parametrize(
    "question, typed, sent",
    [
        ({"schema": NUMBER}, ["12"], 12),
        ({"schema": raw({"type": "string"})}, ["12"], "12"),
        ({"choices": ("1", "2")}, ["2"], "2"),
        ({}, ['{"a":1}'], {"a": 1}),
        ({}, ['{"a":1}', "--text"], '{"a":1}'),
        ({}, ["plain words"], "plain words"),
    ],
)
def test_an_answer_is_of_the_type_that_is_wanted(onward, gateway, question, typed, sent):
    one = asking(gateway, **question)

    assert onward("question", "answer", one[:-2], *typed).code == 0

    assert gateway.sent("POST", "/answer")[0].body == {"answer": sent, "question_id": "q1"}


def test_of_several_questions_one_is_named_after_the_execution(onward, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.happen(one, ev.QuestionAsked, wait="question", text="First?")
    gateway.ask(one, "Second?", wait="question-2")

    unclear = onward("question", "answer", one, "x")
    assert (unclear.code, "question-2: Second?" in unclear.err) == (2, True)
    assert onward("question", "answer", f"{one}/question-2", "x").code == 0
    assert [key for key, wait in gateway.state(one).waits.items() if not wait.done] == ["question"]


def test_an_answer_to_nothing_is_refused(onward, gateway):
    one = gateway.submit()

    assert "no open question" in onward("question", "answer", one, "x").err


def test_an_event_is_sent_once_with_its_value(onward, gateway):
    one = gateway.submit()

    first = onward("execution", "send", one[:-2], "paid", "-v", '{"amount": 12}', "--key", "k1")
    again = onward("execution", "send", one, "paid", "--key", "k1")

    assert (first.code, first.out) == (0, f"{one}  event paid is stored\n")
    assert "was sent before, under the same key" in again.out
    assert bytes(gateway.state(one).inbox["paid"][0].value) == b'{"amount":12}'


def test_what_an_execution_waits_for_is_shown(onward, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.happen(one, ev.EventAwaited, wait="event.paid", name="paid")
    gateway.happen(one, ev.Suspended, reason="waiting_for_event")

    assert "for the event paid" in onward("execution", "get", one).out
