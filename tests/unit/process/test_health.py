import asyncio

from onward.process import health as health_module
from onward.process.health import CheckResult, Health


async def good() -> None:
    return None


async def test_without_checks_a_process_lives_and_is_ready():
    health = Health()
    assert (await health.live()).status == "live"
    assert (await health.ready()).ok


async def test_a_reason_makes_it_not_ready_and_is_told():
    health = Health()
    health.add_ready("nats", good)
    health.add_ready("postgres", lambda: "connection refused")
    report = await health.ready()
    assert report.status == "not ready"
    assert report.checks == (
        CheckResult("nats", ok=True),
        CheckResult("postgres", ok=False, reason="connection refused"),
    )
    assert (await health.live()).ok


async def test_what_does_not_live_is_not_ready():
    health = Health()
    health.add_live("loops", lambda: "stuck")
    assert not (await health.live()).ok
    assert not (await health.ready()).ok


async def test_a_broken_check_is_a_reason_and_hides_no_other():
    def broken() -> None:
        raise RuntimeError("no idea")

    health = Health()
    health.add_ready("broken", broken)
    health.add_ready("good", good)
    report = await health.ready()
    assert [check.ok for check in report.checks] == [False, True]
    assert report.checks[0].reason == "RuntimeError: no idea"


async def test_a_check_that_hangs_is_a_reason(monkeypatch):
    monkeypatch.setattr(health_module, "_CHECK_SECONDS", 0.01)
    health = Health()
    health.add_ready("hangs", asyncio.Event().wait)
    async with asyncio.timeout(5):
        report = await health.ready()
    assert "no answer" in report.checks[0].reason
