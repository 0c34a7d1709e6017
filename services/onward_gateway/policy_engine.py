"""Asks policies: modules in a process that can be killed, or an OPA over HTTP; never longer than it may take."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec

from onward.contract.errors import InvalidBody
from onward.contract.policies import PolicySpec, Verdict, check, failed, read
from onward.http.problems import FieldError, blaming
from onward_gateway.policy_program import Question, Said

SECONDS = 1.0
"""How long one policy may take."""
_START_SECONDS = 20.0
_REST_SECONDS = 10.0
"""How long a module that took too long is not asked again: each time costs all others that long."""
_LINE = 64 * 1024 * 1024


class Engine:
    """Where rules are evaluated; `opa` is the address of one, `opa_fails` what holds while it does not answer."""

    def __init__(
        self, *, opa: str | None = None, opa_fails: str = "closed", opa_seconds: float = SECONDS,
        seconds: float = SECONDS, clock: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self._opa, self._opa_fails, self._opa_seconds, self._seconds = opa, opa_fails, opa_seconds, seconds
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._slow: dict[str, float] = {}
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, spec: PolicySpec, given: Any) -> tuple[Verdict, ...]:
        """What a policy says; one that cannot be asked denies, where it would deny."""
        if spec.opa is not None:
            return await self._ask_opa(spec, given)
        said = await self._said(spec.module or "", given)
        return (failed(spec, said.error),) if said.error else read(spec, said.document)

    async def check(self, spec: PolicySpec) -> None:
        """Raises InvalidBody, with the line, for a module that cannot be compiled."""
        check(spec)
        if spec.module is None:
            return
        said = await self._said(spec.module, {})
        if said.error:
            line = f"line {_line(spec.module, said.at)}: " if said.at is not None else ""
            what = f"{line}{said.error}"
            raise blaming(InvalidBody(f"/module: {what}"), FieldError("/module", what))

    async def close(self) -> None:
        """Ends the process and the connections."""
        await self._kill()
        if self._session is not None:
            await self._session.close()

    async def _said(self, module: str, given: Any) -> Said:
        if self._clock() < self._slow.get(module, 0.0):
            return Said(error="it took too long lately")
        asked = msgspec.json.encode(Question(module, msgspec.Raw(msgspec.json.encode(given))))
        async with self._turn:
            try:
                process = await self._running()
                assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
                process.stdin.write(asked + b"\n")
                async with asyncio.timeout(self._seconds):
                    line = await process.stdout.readline()
            except TimeoutError:
                await self._kill()
                self._slow = {key: at for key, at in self._slow.items() if at > self._clock()}
                self._slow[module] = self._clock() + _REST_SECONDS
                return Said(error=f"it takes longer than {self._seconds:g} s")
            except OSError as error:
                await self._kill()
                return Said(error=f"{type(error).__name__}: {error}")
            if not line:
                await self._kill()
                return Said(error="it takes too much memory, or crashes")
        return msgspec.json.decode(line, type=Said)

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "onward_gateway.policy_program", limit=_LINE,
                env=_nothing_secret(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert self._process.stdout is not None  # noqa: S101 - for the type checker
            async with asyncio.timeout(_START_SECONDS):
                await self._process.stdout.readline()
        return self._process

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ask_opa(self, spec: PolicySpec, given: Any) -> tuple[Verdict, ...]:
        if self._opa is None:
            return (failed(spec, "no OPA is set: ONWARD_OPA_URL"),)
        try:
            async with asyncio.timeout(self._opa_seconds):
                async with self._http().post(
                    f"{self._opa.rstrip('/')}/v1/data/{spec.opa}", json={"input": given}
                ) as told:
                    if told.status != 200:
                        raise aiohttp.ClientError(f"HTTP {told.status}")
                    answer = await told.json()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            why = f"the OPA does not answer: {type(error).__name__}: {error}"
            verdict = failed(spec, why)
            # Open: said aloud, and let through.
            return (msgspec.structs.replace(verdict, denies=verdict.denies and self._opa_fails == "closed"),)
        return read(spec, answer.get("result") if isinstance(answer, dict) else None)

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session


def _line(module: str, at: int | None) -> int:
    return module.encode()[: at or 0].count(b"\n") + 1


def _nothing_secret() -> dict[str, str]:
    # Rules can ask for their process' environment (opa.runtime); ours has the way to every store.
    return {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
