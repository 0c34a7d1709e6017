"""What follows an execution survives the death of everything."""

from pathlib import Path

from tests.support.platform import Platform, platform

CHAIN = {
    "on_success": {
        "task": "five", "input": {"count": 1, "seconds": "{{output[0]}}"},
        "then": {"on_success": {"task": "noop"}, "on_failure": {"task": "noop"}},
    },
    "on_failure": {"task": "noop"},
}  # fmt: skip


async def test_what_follows_survives_kill_9_of_everything_and_is_submitted_once(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1) as onward:
        onward.kill("execution_state-1")  # nobody follows
        ended = [await onward.submit("five", {"count": 1, "seconds": 0.0}, then=CHAIN) for _ in range(20)]
        for execution in ended:
            await onward.ended(execution)

        for name in list(onward.processes):
            if name != "execution_state-1":
                onward.kill(name)
        onward.servers[0].kill()
        onward.postgres.kill()
        onward.servers[0].start()
        onward.postgres.start()
        for name in list(onward.processes):
            if name != "execution_state-1":
                onward.start(name)
        await onward.ready("gateway-1")
        onward.start("execution_state-1")
        # The follower dies again in the middle of what it has to make up for.
        await onward.eventually(lambda: _any_followed(onward, ended), 30, "nothing follows")
        onward.kill("execution_state-1")
        onward.start("execution_state-1")

        for execution in ended:
            good, bad = (await onward.get(execution))["then"]
            assert (good["status"], bad["status"], bad["execution_id"]) == ("started", "skipped", None)
            await _exists(onward, good["execution_id"])
            second = await onward.ended(good["execution_id"])
            assert (second["status"], second["input"]) == ("completed", {"count": 1, "seconds": 1})
            assert second["triggered_by"]["execution_id"] == execution
            third = second["then"][0]["execution_id"]
            await _exists(onward, third)
            assert (await onward.ended(third))["root_id"] == execution
        begun = [effect["execution_id"] for effect in onward.effects() if effect["what"] == "end"]
        assert len(begun) == len(set(begun)) == 40


async def _any_followed(onward: Platform, ended: list[str]) -> bool:
    status, _ = await onward.call(
        "GET", f"/executions/{(await onward.get(ended[0]))['then'][0]['execution_id']}"
    )
    return status == 200


async def _exists(onward: Platform, execution: str) -> None:
    async def is_there() -> bool:
        return (await onward.call("GET", f"/executions/{execution}"))[0] == 200

    await onward.eventually(is_there, 30, f"{execution} was never submitted")
