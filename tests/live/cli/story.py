"""Tasks that the command line is tried on."""

import asyncio

from onward import Registry, Retry, ask, log, progress, step

registry = Registry("story")


async def piece(name: str) -> str:
    """A step that tells that it ran."""
    print(f"step {name} runs")
    return name


@registry.task(retry=Retry(attempts=1))
async def twice() -> list[str]:
    """Fails after its first step in its first life."""
    first = await step("first", piece, "first")
    answer = await ask("Go on?", choices=["yes", "no"])
    if answer == "no":
        raise RuntimeError("somebody said no")
    await progress(0.5, "half")
    return [first, await step("second", piece, "second")]


@registry.task
async def chatty(lines: int, pause_every: int = 200) -> int:
    """Many log lines, with a breath now and then."""
    for number in range(1, lines + 1):
        log(f"line {number}")
        if number % pause_every == 0:
            await asyncio.sleep(0.02)
    return lines


@registry.step(policy="releases")
async def release(target: str) -> str:
    """A step that a policy is asked about."""
    print(f"release to {target}")
    return target


@registry.task(retry=Retry(attempts=3))
async def rollout(target: str) -> str:
    """Releases, where that is allowed."""
    return await release(target)


@registry.task(retry=Retry(attempts=1))
async def everywhere(targets: list[str]) -> list[str]:
    """Releases by children."""
    return [await rollout.run(target) for target in targets]
