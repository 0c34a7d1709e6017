"""Policies at the door: a denial is recorded and refused; a broken or endless one does no harm."""

import asyncio

import msgspec
import pytest

from onward.contract.policies import PolicySpec
from onward_gateway.policy_engine import Engine
from tests.support.builders import submitted
from tests.unit.onward_gateway.test_executions import PATH

FRIDAY = """package deploy

deny contains {"rule": "no_friday", "message": sprintf("no %s on a friday", [input.task])} if {
    input.labels.day == "friday"
}

warn contains "it is late" if input.labels.hour == "23"
"""
ENDLESS = """package slow

deny contains "x" if {
    count([1 | some a in numbers.range(1, 4000); some b in numbers.range(1, 4000); a * b == 7]) == 999
}
"""
SHOWS = """package shows

deny contains sprintf("input was %v", [input.input])
"""


@pytest.fixture
async def engine(house):
    yield house.gateway.policing.engine
    await house.gateway.policing.engine.close()


async def create(house, name="deploys", **members):
    return await house.call("POST", "/api/v1/policies", {"name": name, "module": FRIDAY, **members})


async def test_seed_policies_a_denial_is_recorded_with_rule_and_message_and_refused(house, engine):
    assert (await create(house, task="noop")).status == 201

    reply = await house.call("POST", PATH, {"task": "noop", "labels": {"day": "friday"}})

    assert (reply.status, reply.code) == (403, "policy_denied")
    assert "policy deploys, rule no_friday: no noop on a friday" in reply.json["detail"]
    link = reply.json["hint"].rpartition(" ")[2]
    found = (await house.call("GET", link)).json
    assert (found["status"], found["reason"], found["error"]["retryable"]) == (
        "failed",
        "policy_denied",
        False,
    )
    assert [event.data for event in house.bus.events.raws if b'"wake"' in event.data] == []


async def test_what_no_rule_denies_runs_and_what_one_warns_of_is_told(house, engine):
    await create(house)

    told = await house.submit(labels={"hour": "23"})

    assert told["status"] == "pending"
    assert "policy: policy deploys: it is late" in told["warnings"]


async def test_a_policy_that_only_warns_denies_nothing(house, engine):
    await create(house, enforcement="warn")

    told = await house.submit(labels={"day": "friday"})

    assert "no noop on a friday" in str(told["warnings"])


@pytest.mark.parametrize(
    "selector",
    [{"task": "typed"}, {"queue": "fast"}, {"environment": "prod"}, {"agent": "x"}, {"named_only": True}],
)
async def test_a_policy_for_something_else_is_not_asked(house, engine, selector):
    await create(house, **selector)

    assert (await house.submit(labels={"day": "friday"}))["status"] == "pending"


async def test_a_denied_execution_cannot_be_retried_until_the_policy_changes(house, engine):
    await create(house)
    refused = await house.call("POST", PATH, {"task": "noop", "labels": {"day": "friday"}})
    link = refused.json["hint"].rpartition(" ")[2]

    again = await house.call("POST", f"{link}/retry")
    assert (again.status, again.code) == (403, "policy_denied")
    await house.call("DELETE", "/api/v1/policies/deploys")

    assert (await house.call("POST", f"{link}/retry")).status == 202


async def test_the_same_key_is_refused_again_and_recorded_once(house, engine):
    await create(house)
    body = {"task": "noop", "labels": {"day": "friday"}, "idempotency_key": "k"}

    first, second = await house.call("POST", PATH, body), await house.call("POST", PATH, body)

    assert (first.status, second.status) == (403, 403)
    assert first.json["hint"] == second.json["hint"]
    assert house.stored() == 2


async def test_a_secret_in_the_input_does_not_come_out_in_a_verdict(house, engine):
    await create(house, module=SHOWS)

    reply = await house.call(
        "POST", PATH, {"task": "noop", "input": {"db": {"password": "hunter2"}, "api_key": "k1"}}
    )

    assert reply.status == 403
    assert "***" in reply.json["detail"]
    assert "hunter2" not in str(reply.json)
    assert "k1" not in reply.json["detail"]


@pytest.mark.parametrize(
    "module, why",
    [
        ("package a\n\ndeny contains 1 if {\n  input.x ==\n}\n", "line 4: Invalid boolean operator"),
        ("nonsense", "line 1: it begins with a package"),
        ("package a\n\nx := 1\n", "no rule deny, warn or allow"),
        ('package a\n\ndeny contains "x" if nosuch(1)\n', "cannot be compiled"),
    ],
)
async def test_a_broken_module_is_refused_with_its_line(house, engine, module, why):
    reply = await create(house, module=module)

    assert reply.status == 400
    assert why in reply.json["detail"]


async def test_rules_that_never_end_deny_in_time_and_leave_the_others_alone(house):
    engine = house.gateway.policing.engine = Engine(seconds=0.3)
    slow, good = PolicySpec(name="slow", module=ENDLESS), PolicySpec(name="good", module=FRIDAY)
    await engine.ask(good, {})
    loop = asyncio.get_running_loop()
    began = loop.time()

    [verdict] = await engine.ask(slow, {})
    [again] = await engine.ask(slow, {})
    others = await engine.ask(good, {"task": "x", "labels": {"day": "friday"}})

    assert (verdict.denies, "longer than 0.3 s" in verdict.message) == (True, True)
    assert "lately" in again.message
    assert [one.rule for one in others] == ["no_friday"]
    assert loop.time() - began < 5
    await engine.close()


async def test_any_number_of_policies_are_asked_by_one_process(engine):
    modules = [f'package many{n}\n\ndeny contains "{n}" if input.n == {n}\n' for n in range(60)]
    specs = [PolicySpec(name=f"many-{n}", module=module) for n, module in enumerate(modules)]

    said = [await engine.ask(spec, {"n": n}) for n, spec in enumerate(specs)]

    assert [[one.message for one in verdicts] for verdicts in said] == [[str(n)] for n in range(60)]


async def test_a_dry_run_says_what_a_policy_would_say_and_stores_nothing(house, engine):
    await create(house)
    given = {"task": "noop", "labels": {"day": "friday"}}

    by_name = await house.call("POST", "/api/v1/policies/dry-run", {"name": "deploys", "input": given})
    by_text = await house.call(
        "POST", "/api/v1/policies/dry-run", {"module": FRIDAY, "input": {"labels": {}}}
    )
    broken = await house.call("POST", "/api/v1/policies/dry-run", {"module": "package a\n\nallow if {"})

    assert (by_name.json["denied"], by_name.json["verdicts"][0]["rule"]) == (True, "no_friday")
    assert by_text.json["denied"] is False
    assert broken.status == 400
    assert house.stored() == 0


async def test_a_dry_run_without_a_policy_asks_all_that_apply_and_names_them(house, engine):
    await create(house)
    await create(house, name="elsewhere", task="typed")
    given = {"task": "noop", "labels": {"day": "friday"}}

    about = (await house.call("POST", "/api/v1/policies/dry-run", {"input": given})).json
    other = (await house.call("POST", "/api/v1/policies/dry-run", {"input": {"task": "typed"}})).json
    both = await house.call("POST", "/api/v1/policies/dry-run", {"name": "deploys", "module": FRIDAY})

    assert (about["denied"], about["asked"]) == (True, ["deploys"])
    assert [(one["policy"], one["rule"]) for one in about["verdicts"]] == [("deploys", "no_friday")]
    assert (other["denied"], other["asked"]) == (False, ["deploys", "elsewhere"])
    assert both.status == 400


class Opa:
    """An OPA as far as a policy sees it: one answer to whatever it is asked."""

    def __init__(self) -> None:
        self.asked = []
        self.result = {"deny": ["not today"]}

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        self.asked.append((head.split()[1].decode(), msgspec.json.decode(await reader.readexactly(size))))
        body = msgspec.json.encode({"result": self.result})
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: "
        )
        writer.write(str(len(body)).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        writer.close()


async def test_a_policy_can_stand_in_an_opa(house):
    opa = Opa()
    server = await asyncio.start_server(opa.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    engine = Engine(opa=url)

    [verdict] = await engine.ask(PolicySpec(name="far", opa="team/deploy"), {"task": "noop"})

    assert (verdict.denies, verdict.message) == (True, "not today")
    assert opa.asked == [("/v1/data/team/deploy", {"input": {"task": "noop"}})]
    server.close()
    await engine.close()


@pytest.mark.parametrize("fails, denies", [("closed", True), ("open", False)])
async def test_while_the_opa_is_away_its_policies_deny_or_let_through_as_is_set(fails, denies):
    engine = Engine(opa="http://127.0.0.1:9", opa_fails=fails)

    [verdict] = await engine.ask(PolicySpec(name="far", opa="team/deploy"), {})

    assert verdict.denies is denies
    assert "the OPA does not answer" in verdict.message
    await engine.close()


async def test_an_agent_is_held_to_the_policy_that_it_names(house, engine):
    await create(house, named_only=True)
    house.config.put("default", "agent", "writer", {"name": "writer", "policy": "deploys"})
    house.config.put("default", "agent", "reader", {"name": "reader", "policy": "gone"})
    event = submitted(labels={"day": "friday"}, agent_id="writer")

    [denied] = await house.gateway.policing.about(event)
    [missing] = await house.gateway.policing.about(msgspec.structs.replace(event, agent_id="reader"))

    assert (denied.policy, denied.denies) == ("deploys", True)
    assert (missing.message, missing.denies) == ("there is no such policy", True)
    assert await house.gateway.policing.about(msgspec.structs.replace(event, agent_id=None)) == ()


async def test_rules_cannot_read_what_the_gateway_was_started_with(house, monkeypatch):
    monkeypatch.setenv("ONWARD_DATABASE_URL", "postgresql://hunter2@here/x")
    engine = Engine()

    [verdict] = await engine.ask(
        PolicySpec(name="nosy", module='package nosy\n\ndeny contains sprintf("%v", [opa.runtime()])\n'), {}
    )

    assert "hunter2" not in verdict.message
    assert "ONWARD" not in verdict.message
    await engine.close()
