import json
import logging

import pytest

from onward.telemetry import scope
from onward.telemetry.json_lines import JsonLines
from onward.telemetry.trace import span
from tests.support.spans import exported, id_of

ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{ID}-b7ad6b7169203331-01"


def line(message="said", *args, exc_info=None, **extra):
    record = logging.LogRecord("onward.worker", logging.WARNING, __file__, 1, message, args, exc_info)
    vars(record).update(extra)
    text = JsonLines("onward-worker").format(record)
    assert "\n" not in text
    return json.loads(text)


@pytest.fixture
def cause():
    token = scope.cause.set(PARENT)
    yield
    scope.cause.reset(token)


def test_a_record_is_one_object_without_what_is_not_known():
    said = line("%d hints", 3)

    assert said.pop("time").endswith("Z")
    assert said == {
        "level": "warning",
        "service": "onward-worker",
        "logger": "onward.worker",
        "message": "3 hints",
    }


def test_it_names_the_execution_that_runs_here():
    assert scope.about("e1").run(line)["execution_id"] == "e1"
    assert "execution_id" not in line()


def test_who_speaks_of_another_execution_says_so():
    assert scope.about("e1").run(line, execution_id="e2")["execution_id"] == "e2"


def test_it_names_the_trace_also_while_nothing_is_exported(cause):
    said = line()

    assert (said["trace_id"], "span_id" in said) == (ID, False)


def test_it_names_the_span_that_is_open(cause):
    with exported() as spans:
        with span("onward.step"):
            said = line()
        made = id_of(spans.one("onward.step"))

    assert (said["trace_id"], said["span_id"]) == (made[3:35], made[36:52])


def test_a_traceback_is_part_of_the_line():
    try:
        raise ValueError("no stock")
    except ValueError as error:
        said = line(exc_info=(type(error), error, error.__traceback__))

    assert said["stack"].endswith("ValueError: no stock")


def test_text_that_is_no_unicode_is_said_all_the_same():
    assert line("a\udcffb\nc")["message"] == "a\\udcffb\nc"
