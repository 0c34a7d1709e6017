import logging
import socket
import time

import pytest

from onward.contract.errors import Misconfigured
from onward.telemetry import setup, trace
from onward.telemetry.setup import level_of, start_telemetry, wants

HERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.fixture
def root():
    """Takes back what `start_telemetry` does to the log of this process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)
    trace.enable(None)


@pytest.fixture
def silent():
    """The address of a receiver that takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "env, wanted",
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (HERE, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({**HERE, "OTEL_SDK_DISABLED": "True"}, False),
        ({**HERE, "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_standard_variables_say_whether_traces_are_exported(env, wanted):
    assert wants(env, "traces") is wanted


def test_a_level_is_read_however_it_is_written():
    assert [level_of({}), level_of({"ONWARD_LOG_LEVEL": "debug"})] == ["INFO", "DEBUG"]


def test_a_level_that_is_none_says_which_there_are():
    with pytest.raises(Misconfigured) as refused:
        level_of({"ONWARD_LOG_LEVEL": "loud"})

    assert "ONWARD_LOG_LEVEL" in str(refused.value)
    assert "WARNING" in refused.value.fix


def test_the_level_holds_also_where_the_root_is_lowered(root, monkeypatch):
    monkeypatch.setenv("ONWARD_LOG_LEVEL", "warning")
    start_telemetry("onward-worker")

    assert [(handler.level, root.level) for handler in root.handlers] == [(logging.WARNING, logging.WARNING)]


def test_a_receiver_that_never_answers_does_not_hold_up_the_end(root, silent, monkeypatch):
    monkeypatch.setattr(setup, "FLUSH_SECONDS", 0.2)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", silent)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    telemetry = start_telemetry("onward-worker")
    with trace.span("onward.step"):
        pass

    began = time.monotonic()
    telemetry.shutdown()

    assert time.monotonic() - began < 0.8
    assert not trace.exporting()
