"""Whether this process lives and is ready, with reasons."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

import msgspec

Check = Callable[[], str | Awaitable[str | None] | None]

_CHECK_SECONDS = 2.0


class CheckResult(msgspec.Struct, frozen=True):
    """What one check says; a reason means that it is not ready."""

    name: str
    ok: bool
    reason: str | None = None


class HealthReport(msgspec.Struct, frozen=True):
    """The body of /livez and /readyz."""

    status: str
    checks: tuple[CheckResult, ...]

    @property
    def ok(self) -> bool:
        """Says whether every check is content."""
        return all(check.ok for check in self.checks)


class Health:
    """The checks of one process: *live* (a restart cures its failure) and *ready* (it asks for patience)."""

    def __init__(self) -> None:
        self._live: dict[str, Check] = {}
        self._ready: dict[str, Check] = {}

    def add_live(self, name: str, check: Check) -> None:
        """Adds a check whose reason means: restart me."""
        self._live[name] = check

    def add_ready(self, name: str, check: Check) -> None:
        """Adds a check whose reason means: send me nothing now."""
        self._ready[name] = check

    async def live(self) -> HealthReport:
        """Answers /livez."""
        return _report("live", await _results(self._live))

    async def ready(self) -> HealthReport:
        """Answers /readyz: a process that is not live is not ready either."""
        return _report("ready", await _results({**self._live, **self._ready}))


def _report(status: str, checks: tuple[CheckResult, ...]) -> HealthReport:
    ok = all(check.ok for check in checks)
    return HealthReport(status if ok else f"not {status}", checks)


async def _results(checks: dict[str, Check]) -> tuple[CheckResult, ...]:
    return tuple(await asyncio.gather(*(_result(name, check) for name, check in checks.items())))


async def _result(name: str, check: Check) -> CheckResult:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            said = check()
            reason = await said if inspect.isawaitable(said) else said
    except TimeoutError:
        reason = f"no answer within {_CHECK_SECONDS:.0f} s"
    except Exception as error:  # noqa: BLE001 -- a broken check is an answer, and must not hide the others
        reason = f"{type(error).__name__}: {error}"
    return CheckResult(name, ok=reason is None, reason=reason)
