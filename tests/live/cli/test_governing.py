"""Policies, bulk operations and explanations on the whole platform, by the command line."""

import json

from tests.live.cli.test_seed_page import state, submit, until

RULES = """package releases

deny contains {"rule": "no_prod", "message": "not to prod"} if input.step.arguments.target == "prod"
"""


def test_seed_policies_a_step_that_is_denied_never_runs_and_says_which_rule_it_was(onward, tmp_path):
    (tmp_path / "releases.rego").write_text(RULES)
    made = onward(
        "policy", "create", "releases", "--module", str(tmp_path / "releases.rego"), "--set", "where=step"
    )
    assert made.code == 0, made.err

    allowed = onward("run", "rollout", "-i", '{"target": "lab"}', "--wait", "-o", "json")
    denied = onward("run", "rollout", "-i", '{"target": "prod"}', "--wait", "-o", "json")

    assert json.loads(allowed.out)["output"] == "lab"
    found = json.loads(denied.out)
    assert (found["status"], found["reason"], found["attempt"]) == ("failed", "policy_denied", 1)
    assert found["error"]["message"] == "policy releases, rule no_prod: not to prod"
    assert "release to" not in onward("execution", "logs", found["id"]).out
    assert "no_prod: not to prod" in onward("execution", "explain", found["id"]).out


def test_seed_policies_a_child_is_asked_about_like_every_submission(onward, tmp_path):
    when = 'input.parent_id != null; input.input.target == "moon"'
    rules = f'package children\n\ndeny contains "only by hand" if {{ {when} }}\n'
    (tmp_path / "children.rego").write_text(rules)
    made = onward(
        "policy", "create", "children", "--module", str(tmp_path / "children.rego"), "--set", "task=rollout"
    )
    assert made.code == 0, made.err
    try:
        found = json.loads(
            onward("run", "everywhere", "-i", '{"targets": ["lab", "moon"]}', "--wait", "-o", "json").out
        )
    finally:
        onward("policy", "delete", "children")

    assert (found["status"], found["reason"]) == ("failed", "error")
    assert "policy children: only by hand" in found["error"]["message"]
    children = json.loads(onward("execution", "list", "--parent", found["id"], "-o", "json").out)
    assert {one["input"]["target"]: (one["status"], one["attempt"]) for one in children} == {
        "lab": ("completed", 1), "moon": ("failed", 0),
    }  # fmt: skip


def test_seed_bulk_pauses_and_explain_tells_who(onward):
    one = submit(onward, "shell", '{"command": "true"}', "--delay", "1h", "--label", "governed=yes")
    paused = onward("bulk", "pause", "--label", "governed=yes", "--reason", "we look at it", "--yes")
    assert "1 of 1 done" in paused.out, paused.err

    told = onward("execution", "explain", one).out

    assert "it is paused by key:" in told
    assert '("we look at it")' in told
    assert onward("bulk", "cancel", "--label", "governed=yes", "--yes").code == 0
    until(lambda: state(onward, one)["status"] == "cancelled")
