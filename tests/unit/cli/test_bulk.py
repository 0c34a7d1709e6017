import json

from onward.contract import events as ev


def test_seed_bulk_a_dry_run_counts_and_does_nothing(onward, gateway):
    one = gateway.submit()

    told = onward("bulk", "cancel", "--status", "pending", "--dry-run")

    assert told.out == "1 executions to cancel\n"
    assert gateway.state(one).status == "pending"


def test_seed_bulk_it_cancels_follows_and_tells_what_became_of_them(onward, gateway):
    pending, done = gateway.submit(), gateway.submit()
    gateway.start(done)
    gateway.complete(done)

    told = onward("bulk", "cancel", "--all", "--reason", "enough", "--yes")

    assert told.code == 0, told.err
    assert "1 of 2 done, 1 skipped, 0 failed" in told.out
    assert gateway.state(pending).reason == "enough"
    ident = told.out.split()[2]
    items = [json.loads(line) for line in onward("bulk", "items", ident, "-o", "ndjson").out.splitlines()]
    assert [item["outcome"] for item in items] == ["done", "skipped"]
    assert f"{ident}\tcancel\tcompleted\t1/2" in onward("bulk", "list").out


def test_without_a_filter_it_needs_all(onward, gateway):
    refused = onward("bulk", "cancel", "--yes")

    assert (refused.code, "or --all" in refused.err) == (2, True)
    assert gateway.bulk.operations == {}


def test_where_nobody_can_be_asked_it_needs_yes(onward, gateway):
    gateway.submit()

    refused = onward("bulk", "pause", "--status", "pending")

    assert (refused.code, "[not_confirmed]" in refused.err) == (2, True)
    assert gateway.bulk.operations == {}


def test_on_a_terminal_it_asks(terminal, gateway):
    one = gateway.submit()

    asking = terminal("bulk", "pause", "--status", "pending").until("pause 1 executions? [y/N]")
    asking.type("y\n")

    assert asking.finish().code == 0
    assert gateway.state(one).paused


def test_every_filter_reaches_the_operation(onward, gateway):
    onward(
        "bulk", "retry", "--status", "failed", "--queue", "q", "--label", "a=b", "--error", "aa", "--agent", "x",
        "--since", "2026-01-01", "--search", "y", "--stalled", "--detach", "--yes",
    )  # fmt: skip

    assert next(iter(gateway.bulk.operations.values())).filter == {
        "status": ["failed"], "queue": "q", "label": ["a=b"], "error": "aa", "agent_id": "x",
        "since": "2026-01-01T00:00:00Z", "q": "y", "stalled": "true",
    }  # fmt: skip


def test_an_operation_can_be_aborted(onward, gateway):
    gateway.submit()
    begun = json.loads(onward("bulk", "cancel", "--all", "--yes", "--detach", "-o", "json").out)

    assert "aborted" in onward("bulk", "abort", begun["id"]).out
    assert "aborted" in onward("bulk", "get", begun["id"]).out


def test_who_did_it_stands_in_the_events(onward, gateway):
    one = gateway.submit()
    onward("bulk", "cancel", "--all", "--yes")

    assert isinstance(gateway.logs[one][-1], ev.Cancelled)


def test_seed_review_failures_a_whole_group_is_retried(onward, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.fail(one)

    told = onward("errors", "retry", "3f9a0c", "--from-start", "--yes")

    assert told.code == 0, told.err
    assert gateway.state(one).status == "pending"
    assert next(iter(gateway.bulk.operations.values())).filter == {"status": ["failed"], "error": "3f9a0c"}


def test_a_move_says_where_to(onward, gateway):
    one = gateway.submit()

    assert onward("bulk", "move", "--status", "pending", "--to", "fast", "--yes").code == 0
    assert onward("bulk", "reprioritise", "--status", "pending", "--to", "9", "--yes").code == 0

    assert (gateway.state(one).queue, gateway.state(one).priority) == ("fast", 9)
