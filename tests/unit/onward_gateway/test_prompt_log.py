"""A broker that says nothing makes a refusal for now, and no hanging request."""

import asyncio

import pytest

from onward.contract.errors import FenceLost, Unavailable
from onward_gateway import prompt_log
from onward_gateway.prompt_log import PromptLog


class Silent:
    """An event log that never answers, or answers with an error."""

    def __init__(self, error=None):
        self.error = error

    async def _nothing(self, *_args, **_more):
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()

    append = read = read_on = scan = _nothing


ASKED = [("append", (None,)), ("read", ("p", "id")), ("read_on", (None,)), ("scan", (0, 1))]


@pytest.mark.parametrize("name, arguments", ASKED)
async def test_silence_is_a_refusal_for_now(monkeypatch, name, arguments):
    monkeypatch.setattr(prompt_log, "PROMPT_SECONDS", 0.01)

    async with asyncio.timeout(1):
        with pytest.raises(Unavailable) as refusal:
            await getattr(PromptLog(Silent()), name)(*arguments)

    assert refusal.value.retry_after == 1


@pytest.mark.parametrize("name, arguments", ASKED)
async def test_an_answer_is_passed_on_as_it_is(name, arguments):
    with pytest.raises(FenceLost):
        await getattr(PromptLog(Silent(FenceLost("x", floor=7))), name)(*arguments)


async def test_a_store_that_did_not_store_in_time_is_a_reason_until_it_stores_again_or_for_five_seconds(
    monkeypatch,
):
    """A full disk refuses every write while the connection is well and the limits of the streams are not reached."""
    monkeypatch.setattr(prompt_log, "PROMPT_SECONDS", 0.01)
    store, now = Silent(), [100.0]
    log = PromptLog(store, lambda: now[0])

    async def fails():
        with pytest.raises(Unavailable):
            await log.append(None)

    assert log.silent() is None
    await fails()
    assert "look at its log and its disk" in log.silent()
    now[0] += prompt_log.SILENT_SECONDS + 0.1
    assert log.silent() is None

    await fails()
    assert log.silent() is not None
    store.append = stored
    assert await log.append(None) == 7
    assert log.silent() is None


async def stored(_decision):
    return 7
