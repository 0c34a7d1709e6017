"""The command line starts fast, finds its way, and says so when it cannot."""

import subprocess
import sys
import time
from importlib import import_module

import click
import pytest

from onward.cli import root
from onward.cli.lazy import LazyGroup

HEAVY = ("asyncio", "nats", "aiohttp", "litestar", "uvicorn", "opentelemetry", "rich", "yaml", "msgspec")
GENEROUS = 1.0  # seconds; measured 0.05 on an idle machine, and tests share theirs


def loaded_by(arguments):
    code = (
        "import sys\nfrom onward.cli.__main__ import main\n"
        f"main({arguments!r})\nprint('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.rsplit("\n", 2)[-2].split())


def test_help_loads_no_client_and_nothing_heavy(env):
    assert not loaded_by(["--help"]) & {*HEAVY, "http.client", "json", "onward.cli.execution"}


def test_listing_executions_loads_nothing_heavy(env, gateway):
    gateway.submit()

    assert not loaded_by(["execution", "list"]) & set(HEAVY)


@pytest.mark.parametrize("arguments", [["--help"], ["execution", "list"]])
def test_a_command_is_done_before_anybody_waits(env, arguments):
    def once():
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "onward.cli", *arguments], check=True, stdout=subprocess.DEVNULL
        )
        return time.perf_counter() - began

    assert min(once() for _ in range(3)) < GENEROUS


def groups():
    yield root.root
    for name, (place, _) in root.COMMANDS.items():
        module, _, attribute = place.partition(":")
        command = getattr(import_module(module), attribute)
        assert command.name == name
        if isinstance(command, LazyGroup):
            yield command


def test_each_command_says_of_itself_what_its_group_says_of_it():
    for group in groups():
        for name, (_, told) in group.lazy.items():
            command = group.get_command(click.Context(group), name)
            first = command.help.removeprefix("\b").strip().split("\n")[0]

            assert command.name == name
            assert first.startswith(told.rstrip("."))


def test_every_command_has_help_and_every_option_a_text():
    for group in groups():
        for name in group.lazy:
            command = group.get_command(click.Context(group), name)
            for param in command.params:
                assert not isinstance(param, click.Option) or param.hidden or param.help, (name, param.name)


def test_help_names_the_exit_codes_and_completion(onward):
    told = onward("--help")

    assert told.code == 0
    assert "130" in told.out
    assert "_ONWARD_COMPLETE=bash_source onward" in told.out


def test_the_version_is_told(onward):
    assert onward("--version").out.startswith("onward, version ")


@pytest.mark.parametrize(
    "arguments, meant",
    [
        (["executon"], "Did you mean 'execution'?"),
        (["execution", "lst"], "Did you mean 'list'?"),
        (["execution", "list", "--stauts", "failed"], "--status"),
    ],
)
def test_a_typo_is_answered_with_what_was_meant(onward, arguments, meant):
    wrong = onward(*arguments)

    assert wrong.code == 2
    assert meant in wrong.err
    assert "[usage]" in wrong.err
    assert "--help" in wrong.err


def test_a_bare_group_shows_its_help_and_is_no_success(onward):
    wrong = onward("execution")

    assert wrong.code == 2
    assert "Commands:" in wrong.err


def test_an_option_can_come_from_the_environment(onward, gateway, monkeypatch):
    gateway.submit("report")
    gateway.submit("shell")
    monkeypatch.setenv("ONWARD_EXECUTION_LIST_TASK", "shell")
    monkeypatch.setenv("ONWARD_OUTPUT", "ndjson")

    listed = onward("execution", "list").out.splitlines()

    assert len(listed) == 1
    assert '"task": "shell"' in listed[0]


def test_nobody_there_is_told_with_its_own_exit_code(onward, monkeypatch):
    monkeypatch.setenv("ONWARD_URL", "http://127.0.0.1:1")

    away = onward("execution", "list")

    assert away.code == 4
    assert away.err.startswith("error: http://127.0.0.1:1 does not answer")
    assert "[unreachable]\n  fix: " in away.err


def test_a_platform_that_cannot_serve_just_now_has_that_exit_code_too(onward, gateway):
    gateway.busy.append((503, "60"))

    away = onward("execution", "list")

    assert away.code == 4
    assert "[overloaded]\n  fix: try again in a moment" in away.err


def test_a_wrong_key_is_told_with_its_fix(onward):
    refused = onward("--api-key", "ow_wrong", "execution", "list")

    assert refused.code == 2
    assert "[unauthorized]" in refused.err
    assert "fix: " in refused.err


def test_debug_shows_the_stack_before_or_after_the_command(onward, monkeypatch):
    monkeypatch.setenv("ONWARD_API_KEY", "ow_wrong")

    assert "Traceback" in onward("--debug", "execution", "list").err
    assert "Traceback" in onward("execution", "list", "--debug").err
    assert "Traceback" not in onward("execution", "list").err


def test_a_reader_that_leaves_ends_it_quietly(env, gateway):
    for _ in range(300):
        gateway.submit()
    listing = subprocess.Popen(
        [sys.executable, "-m", "onward.cli", "execution", "list", "--all", "-o", "ndjson"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    listing.stdout.readline()
    listing.stdout.close()

    assert listing.wait(10) == 141
    assert listing.stderr.read() == b""
    listing.stderr.close()


def test_a_shell_gets_commands_and_ids_to_complete(env, gateway, process, monkeypatch):
    one = gateway.submit()
    complete = {"_ONWARD_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
    for name, value in {**complete, "COMP_WORDS": f"onward execution get {one[:9]}"}.items():
        monkeypatch.setenv(name, value)

    code = "import sys; sys.argv = ['onward']; from onward.cli.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)

    assert one in done.stdout
