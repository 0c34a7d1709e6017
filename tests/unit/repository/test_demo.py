import json
import sys

import pytest

from tooling import demo

# Stands in for the product's command line: keeps the promises that the demo leans on, and notes what was asked.
ONWARD = """\
import json, os, pathlib, subprocess, sys
asked, folder = sys.argv[1:], pathlib.Path(__file__).parent
with (folder / "asked").open("a") as notes:
    notes.write(json.dumps([asked[0], os.environ.get("ONWARD_API_KEY"), asked]) + "\\n")
if asked[0] == "up":
    subprocess.Popen(["sleep", "{lives}"])  # holds on to the output, as what stays up in the background may
    print("starting")
    print(json.dumps({{"url": "http://127.0.0.1:1", "api_key": "key", "data_dir": "d", "pids": {{}}}}))
if asked[0] == "run":
    print(json.dumps({{"id": asked[1], "status": "failed" if asked[1] == "{failing}" else "completed"}}))
sys.exit(asked[0] == "{refused}" or asked[0] == "run" and asked[1] == "{failing}")
"""


@pytest.fixture
def show(tmp_path, monkeypatch):
    """The demo against that stand-in: its exit code, and what it asked of the command line."""

    def show(failing="nothing", refused="nothing"):
        script = tmp_path / "onward"
        source = ONWARD.format(lives=2, failing=failing, refused=refused)
        script.write_text(f"#!{sys.executable}\n{source}")
        script.chmod(0o755)
        monkeypatch.setattr(demo, "ONWARD", str(script))
        monkeypatch.setattr(demo.signal, "signal", lambda *_: None)
        code = demo.show(once=True)
        return code, [json.loads(line) for line in (tmp_path / "asked").read_text().splitlines()]

    return show


def test_all_examples_run_with_the_credential_that_up_gave_and_then_everything_stops(show, capsys):
    code, asked = show()
    assert code == 0
    assert [asked[0][0], asked[-1][0]] == ["up", "down"]
    assert {(key, arguments[1]) for verb, key, arguments in asked if verb == "run"} == {
        ("key", "stdlib_report"),
        ("key", "flaky"),
        ("key", "shell"),
    }
    assert capsys.readouterr().out.count("completed") == 3


@pytest.mark.parametrize("failing", ["flaky", "shell"])
def test_an_example_that_ends_otherwise_fails_the_demo_and_still_everything_stops(show, failing):
    code, asked = show(failing=failing)
    assert (code, asked[-1][0]) == (1, "down")


@pytest.mark.parametrize("refused", ["up", "down"])
def test_a_platform_that_does_not_start_or_stop_fails_the_demo(show, refused):
    code, asked = show(refused=refused)
    assert (code, asked[-1][0]) == (1, "down")
