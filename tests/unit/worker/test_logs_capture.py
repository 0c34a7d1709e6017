import asyncio
import contextvars
import io
import json
import logging
import sys
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from onward.contract import lines as li
from onward.contract import subjects
from onward.testing.bus import MemoryBus
from onward.worker.call import current_step
from onward.worker.capture import install
from onward.worker.logs import LineWriter, current_writer
from onward.worker.scrub import Scrubber, declared

ID = "01939e5c-0000-7000-8000-000000000001"
SECRET = "correct-horse-battery-staple"
PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0BAQEFAASCBKcwggSj\n-----END KEY-----"


@pytest.fixture
async def bus():
    return MemoryBus()


@pytest.fixture
def hooks():
    """Installs the hooks once; only in the test itself, for pytest changes the streams after its setup."""
    installed = []
    yield lambda: installed or installed.append(install())
    for uninstall in installed:
        uninstall()


def writer(bus, execution_id=ID, secrets=()):
    lines = bus.process("w1").lines
    return LineWriter(
        lines, "default", execution_id, 1, "w1", lambda: datetime.now(UTC), scrub=Scrubber(secrets)
    )


@pytest.fixture
async def log_of(bus, hooks):
    """Runs code as an execution does, and returns the lines it left."""

    async def run(code, secrets=(), execution_id=ID):
        hooks()
        w = writer(bus, execution_id, secrets)

        async def inside():
            current_writer.set(w)
            result = code()
            if result is not None:
                await result

        await asyncio.create_task(inside())
        await w.close()
        found = bus.lines.chunks.get(subjects.logs("default", execution_id), [])
        return [line for raw in found for line in li.decode(raw.data).lines]

    return run


def texts(lines):
    return [line.text for line in lines]


async def test_what_a_task_prints_is_in_its_log(log_of):
    lines = await log_of(lambda: print("a", 1, "two\nthree"))
    assert [(line.text, line.stream, line.level) for line in lines] == [
        ("a 1 two", "stdout", "info"),
        ("three", "stdout", "info"),
    ]


async def test_stderr_is_a_stream_of_its_own(log_of):
    lines = await log_of(lambda: (print("out"), print("err", file=sys.stderr), None)[-1])
    assert {(line.text, line.stream, line.level) for line in lines} == {
        ("out", "stdout", "info"),
        ("err", "stderr", "warning"),
    }


async def test_what_is_printed_outside_goes_where_it_went(bus, capsys):
    uninstall = install()
    print("outside")
    sys.stdout.buffer.write(b"bytes\n")
    uninstall()
    assert sorted(capsys.readouterr().out.split()) == ["bytes", "outside"]
    assert bus.lines.chunks == {}


def test_taking_the_hooks_away_leaves_a_stream_that_somebody_else_put_in_place(monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.StringIO())
    uninstall = install()
    mine = io.StringIO()
    monkeypatch.setattr(sys, "stdout", mine)
    uninstall()
    assert sys.stdout is mine
    assert isinstance(sys.stderr, io.StringIO)


async def test_concurrent_executions_keep_their_lines_apart(log_of):
    async def talk(name):
        for i in range(20):
            print(name, end=" ")
            await asyncio.sleep(0)
            print(i)

    other = ID.replace("1", "2")
    mine, theirs = await asyncio.gather(
        log_of(lambda: talk("mine")), log_of(lambda: talk("theirs"), execution_id=other)
    )
    assert texts(mine) == [f"mine {i}" for i in range(20)]
    assert texts(theirs) == [f"theirs {i}" for i in range(20)]


async def test_concurrent_tasks_of_one_execution_do_not_mix_within_a_line(log_of):
    async def talk(name):
        for i in range(10):
            print(name, end=" ")
            await asyncio.sleep(0)
            print(i)

    async def both():
        await asyncio.gather(talk("a"), talk("b"))

    lines = await log_of(both)
    assert sorted(texts(lines)) == sorted(f"{name} {i}" for name in "ab" for i in range(10))


async def test_threads_that_carry_the_context_are_captured(log_of):
    lines = await log_of(lambda: asyncio.to_thread(print, "from a thread"))
    assert texts(lines) == ["from a thread"]


async def test_threads_without_the_context_are_not(log_of):
    async def code():
        await asyncio.get_running_loop().run_in_executor(None, contextvars.Context().run, print, "elsewhere")

    assert await log_of(code) == []


async def test_an_unfinished_line_is_a_line_at_the_end(log_of):
    assert texts(await log_of(lambda: print("no newline", end="", flush=True))) == ["no newline"]


async def test_a_line_that_never_ends_takes_no_more_memory_than_a_line(log_of):
    def code():
        for _ in range(1000):
            sys.stdout.write("x" * 1000)

    lines = await log_of(code)
    assert len(lines) == 1
    assert lines[0].text.endswith("[cut at 16 KiB]")


async def test_a_progress_bar_shows_what_it_wrote_last(log_of):
    def code():
        for i in range(100_000):
            sys.stderr.write(f"\r{i} of 100000")
        sys.stderr.write("\n")

    lines = await log_of(code)
    assert len(lines) == 1
    assert lines[0].text.endswith("\r99999 of 100000")


async def test_log_records_are_lines_with_level_and_traceback(log_of):
    def code():
        logging.getLogger("shop").info("sold %d", 3)
        try:
            raise ValueError("no stock")
        except ValueError:
            logging.getLogger("shop").exception("failed")

    lines = await log_of(code)
    assert [(line.level, line.stream) for line in lines] == [("info", "log"), ("error", "log")]
    assert lines[0].text == "sold 3"
    assert "ValueError: no stock" in lines[1].text


async def test_records_of_the_engine_itself_stay_out(log_of):
    assert await log_of(lambda: logging.getLogger("onward.worker.engine").error("mine")) == []


async def test_what_a_task_logs_stays_out_of_the_log_of_its_process(log_of, caplog):
    def code():
        logging.getLogger("shop").warning("the password is %s", SECRET)
        logging.getLogger("onward.worker").warning("the engine speaks")

    lines = await log_of(code, secrets=[SECRET])
    logging.getLogger("shop").warning("outside")

    assert texts(lines) == ["the password is ***"]
    assert caplog.messages == ["the engine speaks", "outside"]


async def test_bytes_written_to_the_buffer_are_decoded_line_by_line(log_of):
    def code():
        for piece in (b"caf\xc3", b"\xa9\r\nbad \xff\n", b"rest"):
            sys.stdout.buffer.write(piece)

    assert texts(await log_of(code)) == ["café", "bad \ufffd", "rest"]


async def test_lines_name_the_step_they_were_printed_in(log_of):
    def code():
        current_step.set("fetch")
        print("x")

    assert (await log_of(code))[0].step == "fetch"


async def test_inside_an_execution_nobody_watches_the_stream(log_of):
    assert texts(await log_of(lambda: print(sys.stdout.isatty(), sys.stdout.writable()))) == ["False True"]


# Secrets


@pytest.mark.parametrize(
    "code",
    [
        lambda: print("token", SECRET, "end"),
        lambda: (print("token", SECRET[:9], end="", sep=" "), print(SECRET[9:], "end"), None)[-1],
        lambda: logging.getLogger("x").warning("token %s end", SECRET),
        lambda: sys.stdout.buffer.write(b"token " + SECRET.encode() + b" end\n") and None,
        lambda: print(f"token https://x/?t={SECRET}&u=1"),
    ],
)
async def test_a_secret_is_masked_however_it_is_written(log_of, code):
    lines = await log_of(code, secrets=[SECRET])
    assert SECRET not in " ".join(texts(lines))
    assert "***" in lines[0].text


@pytest.mark.parametrize("at", [16 * 1024 - 10, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 5])
async def test_a_secret_across_the_end_of_a_cut_line_leaves_no_part(log_of, at):
    lines = await log_of(lambda: print("x" * at + SECRET + "y" * 100), secrets=[SECRET])
    assert not any(SECRET[:n] in lines[0].text for n in range(3, len(SECRET)))


async def test_masked_text_does_not_pull_half_a_secret_over_the_cut(log_of):
    text = (SECRET + " ") * 2000
    lines = await log_of(lambda: print(text), secrets=[SECRET])
    assert "correct" not in lines[0].text


async def test_a_secret_of_several_lines_is_masked_line_by_line(log_of):
    lines = await log_of(lambda: print(PEM), secrets=[PEM])
    assert texts(lines) == ["***"] * 4


async def test_a_secret_in_a_chunk_border_is_masked(log_of, bus):
    async def code():
        for _ in range(40):
            print("x" * 8000, SECRET)

    await log_of(code, secrets=[SECRET])
    raws = bus.lines.chunks[subjects.logs("default", ID)]
    assert len(raws) > 3
    assert SECRET.encode() not in b"".join(raw.data for raw in raws)


@pytest.mark.parametrize("given", ["pass word/1", 'quo"te\\d', "ümläut-key"])
def test_quoted_forms_of_a_secret_are_masked(given):
    scrub = Scrubber([given])
    for form in (given, quote(given), quote(given, safe=""), json.dumps(given)):
        assert "***" in scrub(f"a {form} b")
        assert given not in scrub(f"a {form} b")


def test_declared_secrets_are_values_or_names_of_variables():
    scrub = declared(
        {
            "ONWARD_SECRETS": "DB_PASSWORD, literal-value ,",
            "DB_PASSWORD": "from-variable",
            "ONWARD_API_KEY": "ow_default_key",
            "ONWARD_NATS_URL": "nats://app:nats-pass@h:4222",
        }
    )
    text = "from-variable literal-value ow_default_key nats-pass DB_PASSWORD"
    assert scrub(text) == "*** *** *** *** DB_PASSWORD"


def test_without_declared_secrets_nothing_is_masked():
    assert not declared({})
    assert declared({})("text") == "text"
