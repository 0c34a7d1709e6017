import re
import tomllib

import pytest

from tooling import pages, protocol_tests, rules, seed_page, torture_tests
from tooling.steps import ROOT

PROJECT = (ROOT / "pyproject.toml").read_text()


def test_no_file_of_the_project_is_too_long():
    too_long, _ = rules.oversized(ROOT)
    assert too_long == []


def test_a_file_of_401_lines_fails_and_one_of_301_is_a_question(tmp_path):
    (tmp_path / "fine.py").write_text("x = 1\n" * 300)
    (tmp_path / "long.sql").write_text("select 1;\n" * 301)
    (tmp_path / "too_long.py").write_text("x = 1\n" * 401)
    (tmp_path / "page.md").write_text("text\n" * 1000)
    assert rules.oversized(tmp_path) == (["too_long.py: 401 lines"], ["long.sql: 301 lines"])


def test_no_module_is_a_drawer():
    assert rules.drawers(ROOT) == []


def test_a_module_or_package_named_like_a_drawer_is_found(tmp_path):
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "retry.py").touch()
    (tmp_path / "utils.py").touch()
    (tmp_path / "submit.py").touch()
    assert rules.drawers(tmp_path) == ["common/retry.py", "utils.py"]


def test_no_lock_file_names_an_address():
    assert rules.addresses(ROOT) == []


@pytest.mark.parametrize(
    "line", ["--index-url x", "-i x", "a @ https://example.test/a.whl", "--find-links wheels"]
)
def test_an_address_in_a_lock_file_is_found(tmp_path, line):
    (tmp_path / "requirements-dev.txt").write_text(f"click==8.5.1 \\\n    --hash=sha256:00\n{line}\n")
    assert rules.addresses(tmp_path) == ["requirements-dev.txt: names an address"]


def test_every_requirement_of_every_extra_is_locked_with_hashes():
    project = tomllib.loads(PROJECT)["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(requirement for extra in extras for requirement in extra)]
    names = {re.split(r"[^A-Za-z0-9-]", requirement, maxsplit=1)[0] for requirement in wanted}
    lock = (ROOT / "requirements.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==\S+.*\\\n    --hash=sha256:", lock, re.MULTILINE))
    assert names - locked == set()


def test_each_ignored_rule_of_the_linter_says_why():
    ruff = PROJECT.partition("[tool.ruff.lint]")[2].partition("[tool.ruff.lint.flake8")[0]
    ignored = [line for line in ruff.splitlines() if re.match(r'  "[A-Z]+\d*",', line)]
    assert len(ignored) > 40
    assert [line for line in ignored if not re.search(r"# \S+ \S+", line)] == []


def test_unit_tests_mirror_the_packages_they_are_about():
    homes = {
        path.name
        for source in ("libs/onward", "services")
        for path in (ROOT / source).iterdir()
        if path.is_dir()
    }
    homes |= {"repository", "examples", "bench", "__pycache__"}
    folders = {path.name for path in (ROOT / "tests" / "unit").iterdir() if path.is_dir()}
    assert folders - homes == set()


def test_each_package_says_in_one_sentence_what_it_is():
    packages = [path for path in rules.files(ROOT) if path.name == "__init__.py"]
    silent = [str(path.relative_to(ROOT)) for path in packages if not path.read_text().startswith('"""')]
    assert silent == []


def test_each_generated_page_says_what_the_code_says():
    assert pages.stale() == []


def test_each_rule_of_the_log_has_a_test_that_it_holds_one_that_it_is_needed_and_one_on_real_servers():
    assert protocol_tests.uncovered(protocol_tests.named_tests(ROOT / "tests")) == []


def test_each_promise_of_the_seed_page_has_a_test_named_after_it():
    assert seed_page.uncovered(seed_page.named_tests(ROOT / "tests")) == []


def test_a_rule_without_a_test_and_a_test_without_a_rule_are_found(tmp_path):
    planted = 'class Unfenced:\n    """PLANTED"""\ndef test_a1_zombies():\n    Unfenced()\n'
    for name, text in (
        ("simulation/test_a.py", "def test_a1_a2_hold(): pass\n" + planted),
        ("live/bus/test_b.py", "async def test_a1_is_kept(): pass\nasync def test_a9_is_kept(): pass\n"),
        ("unit/test_c.py", "def test_v1_is_elsewhere(): pass\n"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    found = protocol_tests.uncovered(protocol_tests.named_tests(tmp_path))

    assert [what for what in found if what.startswith("A1")] == []
    assert [what for what in found if what.startswith("A2")] == [
        "A2: nothing breaks when taken out",
        "A2: nothing holds on real servers",
    ]
    assert len([what for what in found if what.startswith("V1")]) == 3
    assert found[-1] == "A9: a test is named after it, and it is no rule"


def test_each_item_of_the_torture_list_has_a_test_or_waits_for_a_part_that_is_not_built():
    assert torture_tests.missing(torture_tests.found(ROOT / "tests")) == []


def test_an_item_of_the_torture_list_without_a_test_is_found(tmp_path):
    (tmp_path / "test_some.py").write_text(
        "def test_torture_01_it_holds(): ...\ndef test_torture_99_what(): ...\n"
    )
    lacking = torture_tests.missing(torture_tests.found(tmp_path))
    assert "2: Postgres restarts during a recovery" in lacking
    assert "99: no such item" in lacking
    assert not [item for item in lacking if item.startswith("1:")]
