"""What a worker asks before a step that names a policy."""

import msgspec
import pytest

from onward.contract.policies import Answered, StepAsked
from onward_gateway.policy_routes import StepPolicies

RULES = """package steps

deny contains sprintf("%s to %s by %s", [input.step.name, input.step.arguments.target, input.who]) if {
    input.step.arguments.target == "prod"
}

deny contains sprintf("saw %v", [input.step.arguments.token]) if input.step.arguments.token
"""


@pytest.fixture
async def ask(house):
    execution = await house.submit()
    body = {"name": "deploys", "module": RULES, "where": "step"}
    assert (await house.call("POST", "/api/v1/policies", body)).status == 201

    async def ask(policy="deploys", **arguments):
        asked = StepAsked(
            project="default", execution_id=execution["id"], policy=policy, step="deploy",
            arguments=msgspec.Raw(msgspec.json.encode(arguments)),
        )  # fmt: skip
        reply = await StepPolicies(house.gateway).answer("", msgspec.json.encode(asked))
        return msgspec.json.decode(reply, type=Answered)

    yield ask
    await house.gateway.policing.engine.close()


async def test_a_rule_denies_by_the_step_its_arguments_and_who_submitted_it(ask):
    [verdict] = (await ask(target="prod")).verdicts

    assert verdict.denies
    assert verdict.message.startswith("deploy to prod by key:")
    assert (await ask(target="lab")).verdicts == ()


async def test_a_secret_argument_does_not_come_out(ask):
    [verdict] = (await ask(target="lab", token="hunter2")).verdicts

    assert verdict.message == "saw ***"


async def test_a_policy_that_there_is_not_denies(ask):
    [verdict] = (await ask(policy="nope")).verdicts

    assert (verdict.denies, verdict.message) == (True, "there is no such policy")


async def test_a_policy_for_steps_is_not_asked_at_submit(house, ask):
    assert (await house.submit())["status"] == "pending"
