"""The audit on the command line."""

import json

import pytest


def entry(n, **said):
    return {
        "source": "resource", "n": n, "sequence": n, "project": "default", "at": "2026-01-01T12:00:00Z",
        "actor": "key:ann", "action": "queue.updated", "kind": "queue", "name": "gpu", "before": {"paused": False},
        "after": {"paused": True, "version": 3}, "hash": "f" * 64, **said,
    }  # fmt: skip


@pytest.fixture
def audited(gateway):
    refused = {
        "source": "refusal",
        "action": "refused.forbidden",
        "before": None,
        "after": {"detail": "too small a scope"},
    }
    gateway.resources.audited = [entry(2), entry(1, actor="key:bob", **refused)]
    return gateway.resources


def test_entries_say_who_did_what_and_what_changed(onward, audited):
    rows = [line.split("\t") for line in onward("audit", "list").out.splitlines()[1:]]

    assert [row[1:] for row in rows] == [
        ["key:ann", "queue.updated", "gpu", "paused: false → true"],
        ["key:bob", "refused.forbidden", "gpu", "too small a scope"],
    ]


def test_entries_are_narrowed_down_by_the_gateway(onward, audited):
    rows = onward("audit", "list", "--actor", "key:bob").out.splitlines()[1:]

    assert len(rows) == 1


def test_an_export_holds_every_entry_with_its_hash(onward, audited, tmp_path):
    told = onward("audit", "export", "--file", str(tmp_path / "audit"))

    assert [json.loads(line) for line in (tmp_path / "audit").read_text().splitlines()] == audited.audited
    assert "2 entries" in told.err


def test_what_is_not_sound_is_named_and_the_exit_code_says_so(onward, audited):
    sound = onward("audit", "verify")
    audited.wrong = 2
    wrong = onward("audit", "verify")

    assert (sound.code, sound.out.startswith("✔ resource: 2 entries")) == (0, True)
    assert (wrong.code, "entry 2: it was altered" in wrong.out) == (1, True)
