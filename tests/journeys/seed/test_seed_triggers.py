"""What the seed page says of one execution leading to another."""

import json

from tests.support.seed_page import Onward, Refused


def _followed(onward: Onward, execution: str, on: str) -> dict:
    """What followed by this branch, once it has ended."""
    branch = onward.until(
        lambda: next(one for one in onward.get(execution)["then"] if one["on"] == on),
        lambda one: one["execution_id"],
    )
    onward.until(lambda: _there(onward, branch["execution_id"]), bool)
    return onward.ended(branch["execution_id"])


def _there(onward: Onward, execution: str) -> bool:
    try:
        return bool(onward.get(execution))
    except Refused:
        return False


def test_seed_sequential_one_task_triggers_another_with_its_output(onward: Onward) -> None:
    second = {"task": "greet", "input": {"name": "{{output}}"}}

    first = onward.run("run", "greet", "--then", json.dumps(second), "--then", "seed_done").strip()

    followed = _followed(onward, first, "success")
    assert followed["output"] == "hello hello you"
    assert followed["triggered_by"] == {"execution_id": first, "on": "success", "life": 1}
    assert _followed(onward, followed["id"], "success")["output"] == "done"


def test_seed_conditional_success_leads_to_b_and_failure_to_c(onward: Onward) -> None:
    alarm = json.dumps({"task": "greet", "input": {"name": "{{error.type}}"}})
    for task, taken, skipped in (("greet", "success", "failure"), ("broken", "failure", "success")):
        first = onward.run("run", task, "--then", "seed_done", "--on-failure", alarm).strip()

        _followed(onward, first, taken)

        told = {one["on"]: one["status"] for one in onward.get(first)["then"]}
        assert told == {taken: "started", skipped: "skipped"}
        end = onward.rest("GET", f"/executions/{first}/events")["items"][-1]["then"]
        assert [one["on"] for one in end if "execution_id" not in one] == [skipped]
        assert f"{skipped} → " in onward.run("execution", "get", first)
