"""API keys on the command line."""

import json


def made(onward, *arguments):
    result = onward("key", "create", *arguments, "-o", "json")
    assert result.code == 0, result.err
    return json.loads(result.out)


def rows(onward):
    return [line.split("\t") for line in onward("key", "list").out.splitlines()[1:]]


def test_a_key_is_printed_alone_so_that_a_script_can_keep_it(onward):
    result = onward("key", "create", "ci", "--scope", "operate")

    assert result.out.startswith("ow_default_")
    assert len(result.out.splitlines()) == 1
    assert "it is not shown again" in result.err


def test_keys_are_listed_rotated_and_revoked(onward):
    old = made(onward, "ci", "--scope", "read", "--expires", "30d")
    new = json.loads(onward("key", "rotate", old["id"], "-o", "json").out)
    revoked = onward("key", "revoke", new["id"])

    assert (new["rotated_from"], new["scope"]) == (old["id"], "read")
    assert revoked.out == f"{new['id']}  ci  read, revoked\n"
    shown = {row[0]: row[1:4] for row in rows(onward)}
    assert shown[old["id"]] == shown[new["id"]] == ["ci", "read", "revoked"]
    assert onward("key", "get", old["id"]).out.endswith("read, revoked\n")


def test_a_scope_that_there_is_not_is_refused_before_anything_is_asked(onward, gateway):
    refused = onward("key", "create", "ci", "--scope", "root")

    assert (refused.code, gateway.requests) == (2, [])
