"""Fails twice, then succeeds: shows automatic retry with backoff, and a checkpoint that survives it."""

from onward import Registry, Retry, checkpoint, load_checkpoint, log

registry = Registry("flaky")


@registry.task(retry=Retry(attempts=5, first=0.2, factor=2.0, cap=2.0))
async def flaky(failures: int = 2) -> dict[str, int]:
    """Fail `failures` times, counting the tries in a checkpoint."""
    tries = load_checkpoint("tries", int, 0) + 1
    await checkpoint("tries", tries)
    if tries <= failures:
        log(f"try {tries} fails on purpose", level="warning")
        raise ConnectionError(f"the network is down, try {tries}")
    log(f"try {tries} works")
    return {"tries": tries}
