"""Who performs an execution: an agent, or one of a team; and what the execution keeps of it."""

from collections import Counter

import pytest

from onward_gateway import teams

PATH = "/api/v1/executions"
REVIEWER = {
    "name": "reviewer", "task": "typed", "config": {"model": "large", "tools": ["search"]}, "queue": "fast",
    "input": {"a": 1}, "labels": {"by": "agent", "kind": "review"}, "timeouts": {"attempt": 30},
    "then": {"on_any": {"task": "noop"}},
}  # fmt: skip


async def make(house, plural, **members):
    reply = await house.call("POST", f"/api/v1/{plural}", members)
    assert reply.status == 201, reply.body
    return reply.json


async def state_of(house, shown):
    return (await house.process.events.read("default", shown["id"])).execution


async def for_agent(house, **asked):
    reply = await house.call("POST", PATH, asked)
    assert reply.status == 202, reply.body
    return reply.json


async def test_an_agents_settings_count_where_the_submission_says_nothing(house):
    await make(house, "agents", **REVIEWER)

    plain = await state_of(house, await for_agent(house, agent="reviewer"))
    assert (plain.task, plain.queue, bytes(plain.input), plain.timeouts.attempt) == (
        "typed",
        "fast",
        b'{"a":1}',
        30,
    )
    assert plain.labels == {"by": "agent", "kind": "review"}
    assert (plain.agent_id, plain.agent.version, plain.then[0].task) == ("reviewer", 1, "noop")
    own = await state_of(
        house,
        await for_agent(
            house, agent="reviewer", input={"a": 2}, queue="default", labels={"by": "me"}, then={}
        ),
    )
    assert (own.queue, bytes(own.input), own.then) == ("default", b'{"a":2}', ())
    assert own.labels == {"by": "me", "kind": "review"}


async def test_a_changed_agent_changes_no_execution_and_the_difference_is_shown(house):
    await make(house, "agents", **REVIEWER)
    execution = await for_agent(house, agent="reviewer")
    changed = {"config": {"model": "small"}, "description": "cheaper"}
    assert (await house.call("PATCH", "/api/v1/agents/reviewer", changed)).json["version"] == 2

    told = (await house.call("GET", f"{PATH}/{execution['id']}/agent")).json

    assert (told["version"], told["current_version"], told["changed"]) == (1, 2, True)
    assert told["config"] == {"model": "large", "tools": ["search"]}
    assert told["differences"] == [{"member": "config.model", "then": "large", "now": "small"}]
    assert (await house.call("GET", f"{PATH}/{execution['id']}")).json["agent_version"] == 1
    again = await house.call("POST", f"{PATH}/{execution['id']}/rerun", {})
    assert (await state_of(house, again.json)).agent.version == 1

    assert (await house.call("DELETE", "/api/v1/agents/reviewer")).status == 204
    gone = (await house.call("GET", f"{PATH}/{execution['id']}/agent")).json
    assert (gone["current_version"], gone["config"]["model"]) == (None, "large")
    plain = await house.submit()
    assert (await house.call("GET", f"{PATH}/{plain['id']}/agent")).code == "not_found"


@pytest.mark.parametrize(
    "asked,code,pointer",
    [
        ({"agent": "revewer"}, "unknown_agent", "/agent"),
        ({"team": "nobody"}, "unknown_team", "/team"),
        ({}, "invalid_body", "/task"),
        ({"task": "noop", "agent": "reviewer"}, "invalid_body", "/task"),
        ({"agent": "reviewer", "input": {"a": "no number"}}, "invalid_input", "/input/a"),
        ({"task": "noop", "then": {"on_any": {"agent": "x"}}}, "unknown_agent", "/then/on_any/agent"),
    ],
)
async def test_what_nobody_can_perform_is_refused_by_its_place(house, asked, code, pointer):
    await make(house, "agents", **REVIEWER)

    problem = (await house.call("POST", PATH, asked)).json

    assert (problem["code"], problem["errors"][0]["pointer"]) == (code, pointer)


async def test_a_follow_up_for_an_agent_has_its_configuration_of_now(house):
    await make(house, "agents", **REVIEWER)

    first = await house.submit(then={"on_success": {"agent": "reviewer"}})

    (one,) = (await state_of(house, first)).then
    assert (one.task, one.queue, one.agent.name, one.then[0].task) == ("typed", "fast", "reviewer", "noop")


async def test_agents_that_follow_each_other_for_ever_are_refused(house):
    await make(house, "agents", name="loop", task="noop", then={"on_success": {"agent": "loop"}})

    problem = (await house.call("POST", PATH, {"agent": "loop"})).json

    assert "follow each other" in problem["detail"]


async def test_an_agent_in_a_team_is_not_deleted_and_a_team_has_only_agents_there_are(house):
    await make(house, "agents", **REVIEWER)
    await make(house, "teams", name="t", agents=["reviewer"])

    assert (await house.call("DELETE", "/api/v1/agents/reviewer")).code == "still_used"
    bad = await house.call("POST", "/api/v1/teams", {"name": "u", "agents": ["reviewer", "nobody"]})
    assert bad.json["errors"][0]["pointer"] == "/agents/1"
    too_large = {"name": "huge", "task": "noop", "config": "x" * 40_000}
    assert (await house.call("POST", "/api/v1/agents", too_large)).json["errors"][0]["pointer"] == "/config"


async def team_of(house, routing, **agents):
    for name, queue in agents.items():
        await make(house, "agents", name=name, task="noop", queue=queue)
    return await make(house, "teams", name="t", agents=list(agents), routing=routing)


async def test_round_robin_gives_each_agent_its_share(house):
    await team_of(house, "round_robin", a="default", b="default", c="fast")

    got = [await for_agent(house, team="t") for _ in range(30)]

    assert Counter(one["agent_id"] for one in got) == {"a": 10, "b": 10, "c": 10}
    assert {one["team_id"] for one in got} == {"t"}


async def test_first_is_the_first_whose_queue_has_a_worker(house):
    await team_of(house, "first", a="fast", b="default")
    assert (await for_agent(house, team="t"))["agent_id"] == "a"

    await house.hear_worker(queue="default", task="noop")
    assert (await for_agent(house, team="t"))["agent_id"] == "b"
    await house.hear_worker(queue="fast", task="noop")
    assert (await for_agent(house, team="t"))["agent_id"] == "a"


async def test_least_busy_is_who_has_the_fewest_open_executions(house):
    open_now = {"a": 3, "b": 1, "c": 2}

    async def count(_project):
        return open_now

    works = []
    picker = teams.Teams(house.gateway.presence, count, works.append, lambda: house.seconds)
    await team_of(house, "least_busy", a="default", b="default", c="default")
    spec = house.gateway.known.specs.get("default", teams.TeamSpec, "t")

    def pick():
        return picker.pick("default", spec, house.gateway.known).name

    before = pick()  # nobody has told yet
    await works.pop()
    open_now[before] += 0
    got = [pick() for _ in range(3)]
    assert got[:1] == ["b"]
    assert Counter(got) == {"b": 2, "c": 1}

    open_now = {"a": 0, "b": 9, "c": 9}
    house.seconds += teams.OLD + 1
    pick()
    await works.pop()
    assert pick() == "a"
