import json

RULES = """package deploy

deny contains {"rule": "no_friday", "message": "not on a friday"} if input.labels.day == "friday"
"""


def test_seed_policies_are_made_from_a_file_of_rules_listed_changed_and_deleted(onward, tmp_path):
    (tmp_path / "rules.rego").write_text(RULES)

    made = onward(
        "policy", "create", "deploys", "--module", str(tmp_path / "rules.rego"), "--set", "task=noop"
    )
    onward("policy", "update", "deploys", "--set", "enforcement=warn")

    assert made.code == 0, made.err
    rows = [line.split("\t") for line in onward("policy", "list").out.splitlines()]
    assert rows[1][:4] == ["deploys", "submit", "warn", "task=noop"]
    assert json.loads(onward("policy", "get", "deploys", "-o", "json").out)["module"] == RULES
    assert onward("policy", "delete", "deploys").code == 0


def test_rules_are_tried_before_they_are_made_and_after(onward, tmp_path):
    (tmp_path / "rules.rego").write_text(RULES)
    friday = """{"labels": {"day": "friday"}}"""

    by_file = onward("policy", "test", str(tmp_path / "rules.rego"), "--input", friday)
    onward("policy", "create", "deploys", "--module", str(tmp_path / "rules.rego"))
    by_name = onward("policy", "test", "deploys", "--input", "{}")

    assert (by_file.code, by_file.out) == (1, "denied\n  denies  no_friday: not on a friday\n")
    assert (by_name.code, by_name.out) == (0, "allowed\n")


def test_a_broken_module_is_refused_with_its_line(onward, tmp_path):
    (tmp_path / "rules.rego").write_text("package a\n\ndeny contains 1 if {\n  input.x ==\n}\n")

    refused = onward("policy", "create", "broken", "--module", str(tmp_path / "rules.rego"))

    assert (refused.code, "line 4: Invalid boolean operator" in refused.err) == (2, True)
