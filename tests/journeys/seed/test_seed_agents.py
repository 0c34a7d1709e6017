"""What the seed page says of agents, teams and planning."""

import pytest

from tests.support.seed_page import Onward, Refused


def test_seed_agent_configuration_is_kept_with_the_execution_and_held_against_today(onward: Onward) -> None:
    onward.run("agent", "create", "greeter", "--set", "task=greet", "--set", "config.model=large")
    execution = onward.run("run", "--agent", "greeter", "-i", '{"name": "ann"}').strip()
    assert onward.ended(execution)["output"] == "hello ann"

    onward.run("agent", "update", "greeter", "--set", "config.model=small")

    assert onward.json("agent", "get", "greeter")["config"] == {"model": "small"}
    told = onward.rest("GET", f"/executions/{execution}/agent")
    assert (told["config"], told["version"], told["current_version"]) == ({"model": "large"}, 1, 2)
    assert told["differences"] == [{"member": "config.model", "then": "large", "now": "small"}]
    assert 'config.model "large" → "small"' in onward.run("execution", "agent", execution)


def test_seed_context_names_agent_team_environment_queue_and_worker_and_lists_filter_by_them(
    onward: Onward,
) -> None:
    onward.run("environment", "create", "seed-lab")
    for name in ("seed-a", "seed-b"):
        onward.run("agent", "create", name, "--set", "task=greet", "--set", "environment=seed-lab")
    onward.run("team", "create", "seed-team", "--set", 'agents=["seed-a", "seed-b"]')

    both = [onward.run("run", "--team", "seed-team").strip() for _ in range(2)]

    shown = [onward.ended(one) for one in both]
    assert {one["agent_id"] for one in shown} == {"seed-a", "seed-b"}
    for one in shown:
        assert (one["team_id"], one["environment"], one["queue"]) == ("seed-team", "seed-lab", "default")
        assert one["worker_id"]
    for query, wanted in (("team=seed-team", set(both)), (f"agent_id={shown[0]['agent_id']}", {both[0]})):
        found = onward.until(
            lambda query=query: onward.rest("GET", f"/executions?{query}")["items"],
            lambda items, wanted=wanted: len(items) == len(wanted),
        )
        assert {one["id"] for one in found} == wanted


def test_seed_planning_drafts_are_edited_approved_and_wait_for_each_other(onward: Onward) -> None:
    onward.run("draft", "create", "seed-first", "--set", "task=greet")
    onward.run("draft", "create", "seed-second", "--set", "task=greet", "--set", 'depends_on=["seed-first"]')
    onward.run(
        "draft", "update", "seed-second", "--set", "input.name=planned", "--set", "notes=after the first"
    )
    assert "waits for seed-first" in onward.run("draft", "approve", "seed-second")

    first = onward.json("draft", "approve", "seed-first")["execution_id"]

    assert onward.ended(first)["status"] == "completed"
    second = onward.until(
        lambda: onward.json("draft", "get", "seed-second"), lambda draft: draft["state"] == "submitted"
    )
    execution = onward.ended(second["execution_id"])
    assert (execution["output"], execution["source"]) == ("hello planned", "draft")
    onward.run("draft", "delete", "seed-second")
    with pytest.raises(Refused):
        onward.rest("GET", "/drafts/seed-second")
