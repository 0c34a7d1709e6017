"""Input templates: what is filled in, what is refused, and that nothing in them runs."""

import time
from typing import Any

import msgspec
import pytest

from onward.contract import templates
from onward.contract.templates import TemplateError

END = {
    "output": {"path": "/tmp/a", "files": [{"name": "x"}, {"name": "y"}], "n": 3, "odd key": True, "none": None},
    "execution": {"id": "0190"},
}  # fmt: skip


def _rendered(template: Any, values: dict[str, Any] = END) -> Any:
    raw = msgspec.Raw(msgspec.json.encode(template))
    templates.check(raw, values)
    return msgspec.json.decode(templates.render(raw, values))


@pytest.mark.parametrize(
    "template,made",
    [
        ("{{output.path}}", "/tmp/a"),
        ({"n": "{{ output.n }}"}, {"n": 3}),
        ("{{output.files}}", [{"name": "x"}, {"name": "y"}]),
        ("{{output.files[-1].name}}", "y"),
        ("{{output['odd key']}}", True),
        ("{{output.none}}", None),
        (["copy {{output.path}} {{output.n}} times of {{execution.id}}"], ["copy /tmp/a 3 times of 0190"]),
        ("names: {{output.files[0]}}", 'names: {"name":"x"}'),
        ("{{output.missing?}}", None),
        ("[{{output.missing.deeper?}}]", "[]"),
        ({"{{output.path}}": 1}, {"{{output.path}}": 1}),
        ('{{ "{{" }}x}}', "{{x}}"),
        ("a { b } c", "a { b } c"),
        (7, 7),
    ],
)
def test_a_place_becomes_the_value_alone_and_text_among_text(template: Any, made: Any) -> None:
    assert _rendered(template) == made


@pytest.mark.parametrize(
    "template",
    [
        "{{output.missing}}",
        "{{output.files[2]}}",
        "{{output.path[0]}}",
        "{{output.n.real}}",
        "{{output.files.name}}",
    ],
)
def test_a_place_that_leads_nowhere_is_an_error_and_not_an_empty_text(template: str) -> None:
    with pytest.raises(TemplateError, match="there is no"):
        _rendered(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{other}}",
        "{{}}",
        "{{output.}}",
        "{{output path}}",
        "{{output",
        "{{output.f()}}",
        "{{1 + 1}}",
        '{{"a}}',
    ],
)
def test_what_can_never_be_filled_in_is_refused_before_anything_is_stored(template: str) -> None:
    with pytest.raises(TemplateError):
        templates.check(msgspec.Raw(msgspec.json.encode({"deep": [template]})), END)


def test_what_is_filled_in_is_not_looked_at_again() -> None:
    assert _rendered({"a": "{{output.text}}"}, {"output": {"text": "{{output.text}}"}}) == {
        "a": "{{output.text}}"
    }


def test_neither_a_long_template_nor_a_large_value_takes_more_than_its_share() -> None:
    began = time.perf_counter()
    with pytest.raises(TemplateError, match="more than"):
        _rendered(["{{output}}"] * 150, {"output": "x" * 1_000_000})
    with pytest.raises(TemplateError):
        templates.check(msgspec.Raw(msgspec.json.encode("{{" * 15_000)), END)
    assert time.perf_counter() - began < 5
