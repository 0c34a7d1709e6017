"""Every kind of resource has the same verbs on the command line."""

import json

import pytest

from onward.cli.resource import members


def shown(onward, *arguments, **options):
    result = onward(*arguments, "-o", "json", **options)
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_a_resource_is_created_shown_changed_listed_and_deleted(onward):
    made = shown(
        onward, "environment", "create", "lab", "--set", "variables.REGION=eu", "--set", "labels.tier=1"
    )
    assert (made["variables"], made["version"], made["etag"]) == (
        {"REGION": "eu"},
        1,
        '"' + made["etag"][1:-1] + '"',
    )
    changed = shown(
        onward, "environment", "update", "lab", "--set", "description=for tests", "--set", "labels=null"
    )
    assert (changed["description"], changed["labels"], changed["variables"]) == (
        "for tests",
        {},
        {"REGION": "eu"},
    )
    assert shown(onward, "environment", "get", "lab") == changed

    rows = [line.split("\t") for line in onward("environment", "list").out.splitlines()]
    assert rows[0][:5] == ["NAME", "DESCRIPTION", "VARIABLES", "QUEUES", "WORKERS"]
    assert rows[1][:5] == ["lab", "for tests", "REGION", "-", "0"]

    assert onward("environment", "delete", "lab").err == "environment lab is deleted\n"
    assert "there is no environment" in onward("environment", "list").err


def test_what_get_prints_can_be_given_back(onward, tmp_path):
    shown(
        onward, "environment", "create", "lab", "--set", "variables.WHEN=2026-01-01", "--set", "variables.N=7"
    )
    for form in ("yaml", "json"):
        (tmp_path / form).write_text(onward("environment", "get", "lab", "-o", form).out)
        onward("environment", "delete", "lab")
        again = shown(onward, "environment", "create", "lab", "--file", str(tmp_path / form))
        assert again["variables"] == {"WHEN": "2026-01-01", "N": "7"}


def test_members_come_from_standard_input_and_set_wins(onward):
    made = shown(onward, "environment", "create", "lab", "--file", "-", "--set", "description=mine",
                 stdin='{"description": "theirs", "labels": {"a": "b"}}')  # fmt: skip

    assert (made["description"], made["labels"]) == ("mine", {"a": "b"})


def test_an_update_under_an_old_etag_is_refused(onward):
    old = shown(onward, "environment", "create", "lab")["etag"]
    shown(onward, "environment", "update", "lab", "--set", "description=new")

    refused = onward("environment", "update", "lab", "--set", "description=mine", "--if-match", old)

    assert (refused.code, "[changed_meanwhile]" in refused.err) == (2, True)


def test_a_replaced_resource_keeps_nothing_that_was_not_named(onward):
    shown(onward, "environment", "create", "lab", "--set", "description=old", "--set", "labels.a=b")

    replaced = shown(onward, "environment", "update", "lab", "--replace", "--set", "labels.c=d")

    assert (replaced["description"], replaced["labels"]) == (None, {"c": "d"})


def test_a_queue_is_paused_with_a_reason_and_goes_on(onward):
    paused = onward("queue", "pause", "default", "--reason", "deploy")
    seen = shown(onward, "queue", "get", "default")
    resumed = onward("queue", "resume", "default")

    assert (paused.out, resumed.out) == ("queue default is paused\n", "queue default is open\n")
    assert (seen["paused"], seen["paused_because"]) == (True, "deploy")


def test_a_saved_view_narrows_the_list_of_executions_and_other_options_change_it(onward, gateway):
    failed, other = gateway.submit(), gateway.submit()
    for one in (failed, other):
        gateway.start(one)
    gateway.fail(failed)
    gateway.complete(other)
    shown(
        onward,
        "saved-view",
        "create",
        "failing",
        "--set",
        'filters.status=["failed"]',
        "--set",
        "filters.task=report",
    )

    listed = [one["id"] for one in shown(onward, "execution", "list", "--view", "failing")]
    others = [
        one["id"] for one in shown(onward, "execution", "list", "--view", "failing", "--status", "completed")
    ]

    assert (listed, others) == ([failed], [other])


def test_a_refusal_names_the_member(onward):
    refused = onward("saved-view", "create", "v", "--set", "filters.colour=red")

    assert refused.code == 2
    assert "/filters/colour" in refused.err


@pytest.mark.parametrize("text", ["- 1\n", "a: [\n", "", "a: &a [*a]\n"])
def test_a_file_without_an_object_is_refused_in_words(onward, tmp_path, text):
    (tmp_path / "given").write_text(text)

    refused = onward("environment", "create", "lab", "--file", str(tmp_path / "given"))

    assert (refused.code, "Traceback" in refused.err) == (2, False)


def test_a_value_is_json_or_else_text_and_a_dot_goes_into_an_object():
    given = ("a.y=2", "b=true", "c=some text", "d.e.f=null", "g=a=b", "labels.n=7", "labels.m=null")
    assert members.assigned({"a": {"x": 1}}, given) == {
        "a": {"x": 1, "y": 2}, "b": True, "c": "some text", "d": {"e": {"f": None}}, "g": "a=b",
        "labels": {"n": "7", "m": None},
    }  # fmt: skip
