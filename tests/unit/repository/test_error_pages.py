"""Every stable error code has a page that says what it means and what to do, and every page has its code."""

import ast
import importlib
import re
from http import HTTPStatus

import pytest

from onward.contract.errors import Misconfigured, OnwardError
from onward.http.problems import problem_of
from tooling.steps import ROOT

PAGES = ROOT / "docs" / "errors"
IN_TEXTS = {
    "usage": ("libs/onward/cli/__main__.py", "[usage]"),
    "http_status": ("libs/onward/client/problem.py", 'f"http_{status}"'),
}
"""Codes that are part of a longer text: where, and how they are written there."""
WHERE = re.compile(r"HTTP (\d{3})|CLI, exit code (2|4)|Start-up of a service, exit code 78")


def literal(node: ast.expr | None) -> list[str]:
    return (
        [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value else []
    )


def codes_in(text: str) -> set[str]:
    """Codes as class members, as arguments, and as their defaults."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.ClassDef(body=body):
                for line in body:
                    match line:
                        case ast.Assign(targets=[ast.Name(id="code")], value=value):
                            found += literal(value)
                        case ast.AnnAssign(target=ast.Name(id="code"), value=value):
                            found += literal(value)
            case ast.keyword(arg="code", value=value):
                found += literal(value)
            case ast.arguments(kwonlyargs=names, kw_defaults=defaults):
                for name, default in zip(names, defaults, strict=True):
                    found += literal(default) if name.arg == "code" else []
    return set(found)


def sources():
    for root in ("libs", "services"):
        for path in sorted((ROOT / root).rglob("*.py")):
            yield path, path.read_text(encoding="utf-8")


def all_codes() -> set[str]:
    return set(IN_TEXTS).union(*(codes_in(text) for _, text in sources()))


def pages() -> dict[str, str]:
    return {
        path.stem: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md") if path.stem != "README"
    }


def error_types() -> list[type[OnwardError]]:
    """Every error type; their modules are imported for that."""
    for path, text in sources():
        if "OnwardError" in text or "Unavailable)" in text or "BadRequest)" in text:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts[1:]).removesuffix(".__init__")
            if not name.endswith("__main__"):
                importlib.import_module(name)
    found, look = [], [OnwardError]
    while look:
        found.append(kind := look.pop())
        look += [sub for sub in kind.__subclasses__() if sub.__module__.startswith("onward")]
    return found


def test_codes_are_found_in_every_place_where_they_stand():
    text = """
class A(OnwardError):
    code = "one"
class B:
    code: ClassVar[str] = "two"
    def __init__(self, *, code: str = "three"): ...
raise Told("x", code="four")
"""
    assert codes_in(text) == {"one", "two", "three", "four"}


def test_every_code_has_a_page_and_every_page_a_code():
    assert set(pages()) == all_codes()


def test_codes_within_texts_are_still_there():
    assert [code for code, (file, text) in IN_TEXTS.items() if text not in (ROOT / file).read_text()] == []


@pytest.mark.parametrize("code", sorted(pages()))
def test_a_page_says_what_it_means_why_it_happens_and_what_to_do(code):
    text = pages()[code]
    title, where, means, *_ = text.split("\n\n")

    assert title == f"# `{code}`"
    assert WHERE.match(where)
    assert means.endswith(".")
    for heading in ("## Likely causes", "## What to do"):
        assert re.search(rf"^{heading}\n\n- \S", text, re.MULTILINE), heading
    assert len(text.splitlines()) < 30


def test_a_page_names_the_status_that_its_error_has():
    wrong = []
    for kind in error_types():
        told = WHERE.match(pages()[kind.code].split("\n\n")[1])
        assert told is not None
        by_http = kind.__module__.startswith(
            ("onward.contract", "onward.http", "onward_")
        ) and not issubclass(kind, Misconfigured)
        if by_http and told[1] != str(kind.status):
            wrong.append((kind.code, told[0], kind.status))
    assert wrong == []


def test_the_index_names_every_page():
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\((\w+)\.md\)", index)) == set(pages())


def test_a_problem_has_a_type_that_is_its_code_and_a_status_that_exists():
    for kind in error_types():
        error = kind.__new__(kind)
        OnwardError.__init__(error, "x")
        problem = problem_of(error, instance=None, trace_id=None)
        assert problem.type == f"urn:onward:error:{kind.code}"
        assert HTTPStatus(problem.status)
