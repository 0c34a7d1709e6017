import pytest
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags

from onward.contract.errors import FenceLost, NotFound, Unavailable
from onward.telemetry import trace
from onward.telemetry.trace import accepted, note, note_failure, parse, past_span, render, span, traceparent
from tests.support.spans import exported, id_of, parent_of

ID, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{ID}-{SPAN}-01"


@pytest.fixture
def spans():
    with exported() as spans:
        yield spans


@pytest.mark.parametrize("flags", ["00", "01"])
def test_what_is_parsed_is_rendered_as_it_was(flags):
    header = f"00-{ID}-{SPAN}-{flags}"
    assert render(parse(header)) == accepted(header) == header


def test_a_later_version_is_read_and_passed_on_as_the_version_that_is_known():
    header = f"cc-{ID}-{SPAN}-01-what-the-future-brings"
    assert render(parse(header)) == accepted(header) == PARENT


@pytest.mark.parametrize(
    "header",
    [
        None, "", "nonsense", PARENT.upper(), PARENT + "-more", PARENT + "\n", " " + PARENT, "ff" + PARENT[2:],
        f"00-{'0' * 32}-{SPAN}-01", f"00-{ID}-{'0' * 16}-01", f"00-{ID[:-1]}-{SPAN}-01", f"00-{ID}-{SPAN}",
        f"00-{ID[:-1]}_-{SPAN}-01", f"00-+{ID[1:]}-{SPAN}-01", f"0x-{ID}-{SPAN}-01",
    ],
)  # fmt: skip
def test_what_is_no_traceparent_is_none(header):
    assert parse(header) is None
    assert accepted(header or "") is None


def test_a_context_without_ids_is_not_rendered():
    assert render(SpanContext(0, 0, is_remote=False, trace_flags=TraceFlags(1))) is None


def test_nothing_is_made_while_nothing_is_exported():
    with span("onward.step", parent=PARENT) as made:
        assert (made, traceparent()) == (None, None)
        note(step_name="x")
        note_failure("x")
        past_span("onward.project", 1, 2, parent=PARENT)


def test_a_span_stands_under_its_parent_and_links_to_another(spans):
    with span("onward.attempt", parent=PARENT, link=f"00-{ID}-{'1' * 16}-01", kind="consumer"):
        inside = traceparent()

    made = spans.one("onward.attempt")
    assert (parent_of(made), id_of(made), made.kind.name) == (PARENT, inside, "CONSUMER")
    assert [render(link.context) for link in made.links] == [f"00-{ID}-{'1' * 16}-01"]


def test_a_span_without_a_parent_stands_under_the_one_that_is_open(spans):
    with span("outer", parent=PARENT), span("inner", parent="nonsense"):
        pass

    assert parent_of(spans.one("inner")) == id_of(spans.one("outer"))


def test_a_caller_that_samples_nothing_is_obeyed_and_passed_on(spans):
    with span("onward.submit", parent=PARENT[:-2] + "00"):
        assert (traceparent() or "").endswith("-00")

    assert spans.named("onward.submit") == []


def test_attributes_have_their_first_underscore_as_a_dot_and_none_is_left_out(spans):
    with span("x", step_name="fetch", step_key=None):
        note(**{"http.response.status_code": 202})

    assert dict(spans.one("x").attributes or {}) == {"step.name": "fetch", "http.response.status_code": 202}


@pytest.mark.parametrize(
    "error, kind, status",
    [
        (Unavailable("password=hunter2"), "unavailable", StatusCode.ERROR),
        (KeyError("password=hunter2"), "KeyError", StatusCode.ERROR),
        (NotFound("password=hunter2"), "not_found", StatusCode.UNSET),
    ],
)
def test_a_failure_is_told_by_its_type_and_not_in_its_words(spans, error, kind, status):
    with pytest.raises(type(error)), span("x"):
        raise error

    made = spans.one("x")
    assert ((made.attributes or {})["error.type"], made.status.status_code) == (kind, status)
    assert "hunter2" not in made.to_json()


def test_an_interruption_is_no_failure(spans):
    with pytest.raises(KeyboardInterrupt), span("x"):
        raise KeyboardInterrupt

    assert spans.one("x").status.status_code is StatusCode.UNSET


def test_nobody_hears_of_what_is_to_be_forgotten(spans):
    with pytest.raises(FenceLost), span("x", forget=FenceLost):
        raise FenceLost

    assert spans.named("x") == []
    assert traceparent() is None


def test_a_past_span_has_the_times_it_is_given(spans):
    past_span("onward.project", 1_000, 2_000, parent=PARENT, kind="consumer", event_n=3)

    made = spans.one("onward.project")
    assert (made.start_time, made.end_time, parent_of(made)) == (1_000, 2_000, PARENT)
    assert dict(made.attributes or {}) == {"event.n": 3}


def test_after_the_end_no_span_is_made(spans):
    trace.enable(None)

    with span("x") as made:
        assert made is None
