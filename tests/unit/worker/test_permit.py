"""A step that names a policy runs only where that lets it; a denial ends the execution, whatever its code does."""

from random import Random
from typing import Any

import msgspec

from onward import Registry, Retry
from onward.contract import events as ev
from onward.contract.policies import Answered, StepAsked, Verdict
from onward.testing.virtual_loop import simulate
from onward.worker.permit import Permits
from tests.support.workshop import Workshop

DENIAL = Verdict(policy="deploys", rule="no_friday", message="not on a friday", denies=True)
WARNING = Verdict(policy="deploys", rule="", message="it is late", denies=False)


class Gateways:
    """What the gateways answer, one after the other; None: nobody does."""

    def __init__(self, *answers: Answered | None) -> None:
        self.answers, self.asked = list(answers), []

    async def ask(self, _subject: str, data: bytes, *, timeout: float) -> bytes | None:
        self.asked.append(msgspec.json.decode(data, type=StepAsked))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return None if answer is None else msgspec.json.encode(answer)


def run(gateways: Gateways, **step: Any) -> tuple[Any, list[str], list[Any]]:
    ran: list[str] = []
    registry = Registry()

    @registry.step
    async def unreserve(_what: str) -> None:
        ran.append("unreserve")

    @registry.step(undo=unreserve)
    async def reserve(place: str) -> str:
        ran.append("reserve")
        return place

    @registry.step(policy="deploys", **step)
    async def deploy(target: str, *, version: int) -> str:
        ran.append("deploy")
        return target

    @registry.task(retry=Retry(attempts=3))
    async def release() -> str:
        await reserve("shelf")
        try:
            return await deploy("prod", version=7)
        except Exception:  # noqa: BLE001 - what the code does about it changes nothing
            ran.append("caught")
            return "went on"

    async def main(_: Random) -> Any:
        shop = Workshop(registry)
        await shop.worker("w1")
        shop.engines["w1"].env.permit = Permits(gateways).ask  # type: ignore[arg-type]
        execution = await shop.submit("release")
        state = await shop.ended(execution, within=600)
        return state, [stored.event for stored in (await shop.log(execution)).stored]

    state, events = simulate(1, main)
    return state, ran, events


def test_seed_policies_a_denied_step_does_not_run_and_fails_the_execution_for_good():
    gateways = Gateways(Answered(verdicts=(DENIAL,)))

    state, ran, events = run(gateways, retry=Retry(attempts=5))

    assert (state.status, state.reason, state.attempt) == ("failed", "policy_denied", 1)
    assert state.error.message == "policy deploys, rule no_friday: not on a friday"
    assert ran == ["reserve", "unreserve"], "it did not run, and what was done is undone"
    assert isinstance(events[-1], ev.Failed)
    assert len(gateways.asked) == 1


def test_the_policy_sees_which_step_it_is_with_its_arguments_by_name():
    gateways = Gateways(Answered())

    state, ran, _ = run(gateways)

    assert (state.status, ran) == ("completed", ["reserve", "deploy"])
    [asked] = gateways.asked
    assert (asked.policy, asked.step, asked.execution_id) == ("deploys", "deploy", state.id)
    assert msgspec.json.decode(asked.arguments) == {"target": "prod", "version": 7}


def test_a_warning_lets_it_run():
    state, ran, _ = run(Gateways(Answered(verdicts=(WARNING,))))

    assert (state.status, ran) == ("completed", ["reserve", "deploy"])


def test_while_no_gateway_answers_the_step_waits():
    state, ran, _ = run(Gateways(None, None, Answered(problem="starting"), Answered()))

    assert (state.status, ran) == ("completed", ["reserve", "deploy"])
