"""Prints docs/seed.md: what the product promises line by line, the tests that show it, and the command to see it."""

import re
from dataclasses import dataclass
from pathlib import Path

from tooling.steps import ROOT


@dataclass(frozen=True)
class Row:
    """One promise; `web` where it has to be shown on a page of the web interface, too."""

    says: str
    command: str
    web: bool = False


ROWS = {
    "documentation_index": Row("an index of the documentation for programs", "docs/llms.txt"),
    "three_doors": Row("whatever can be done can be done over REST and the CLI", "onward --help", web=True),
    "source": Row("who or what created it is recorded: api, schedule, parent, …", "onward execution get ID"),
    "unique_id": Row("a globally unique id that sorts by time", "onward execution get ID"),
    "lifecycle": Row("it moves through the stages of its life", "onward execution watch ID"),
    "observability": Row("logs, events and progress in one order, without gaps", "onward execution logs ID"),
    "survives": Row("restarts and failures of anything lose no execution", "onward down && onward up"),
    "history": Row("a complete trail: what happened, when, and why", "onward execution get ID --events"),
    "task_and_execution": Row(
        "the task is the order form, the execution its delivery", "onward task get NAME"
    ),
    "transitions": Row("the states, and the ways between them", "docs/lifecycle.md"),
    "pending": Row(
        "pending: waiting for a worker, with the reason", "onward execution list --status pending"
    ),
    "running": Row(
        "running: on a worker, with its step and progress", "onward execution list --status running"
    ),
    "completed": Row("completed: its results are there", "onward execution get ID"),
    "failed": Row("failed: what went wrong, and whether to retry", "onward execution get ID"),
    "cancelled": Row("cancelled: by a person or the system, with the reason", "onward execution cancel ID"),
    "board": Row("the board is the primary interface", "onward events"),
    "planning": Row("planning: drafts that are not executions yet", "onward draft list"),
    "card": Row("each card is an execution", "onward execution list"),
    "columns": Row("the columns tell what waits, runs, is done and failed", "onward execution list"),
    "cli_list": Row("list all executions, or those of a status", "onward execution list --status running"),
    "cli_get": Row("the details of one", "onward execution get ID"),
    "cli_logs": Row("its logs", "onward execution logs ID"),
    "cli_cancel": Row("stop it", "onward execution cancel ID"),
    "api_list": Row("list with filters", "GET /api/v1/executions?status=running&agent_id=…"),
    "api_get": Row("get one", "GET /api/v1/executions/{id}"),
    "api_logs": Row("get its logs", "GET /api/v1/executions/{id}/logs"),
    "api_cancel": Row("cancel one", "POST /api/v1/executions/{id}/cancel"),
    "identification": Row("execution id, task id, parent", "onward execution get ID"),
    "context": Row("agent or team, environment, queue, worker", "onward execution get ID"),
    "timing": Row("created, started, completed, duration", "onward execution get ID"),
    "results": Row("status, output, error, logs", "onward execution get ID"),
    "retries": Row("transient errors are tried again, with exponential backoff", "onward run TASK"),
    "backoff": Row("first after seconds, then after longer and longer times", "onward execution explain ID"),
    "max_retries": Row("a limit, and then failed", "onward run TASK --attempts 3"),
    "crash": Row(
        "a worker crashes: it stays running, another one goes on, no work is lost", "onward worker list"
    ),
    "checkpoints": Row("it goes on from the last recorded state", "onward execution get ID --steps"),
    "long_runs": Row("it may run for days; its state is saved all the time", "onward execution get ID"),
    "follow": Row("follow the logs live, over a lost connection too", "onward execution logs ID --follow"),
    "watch": Row("watch its status", "onward execution watch ID"),
    "events": Row("events for each milestone", "onward execution get ID --events"),
    "question": Row("it asks a person, and waits for the answer", "onward question list"),
    "throughput": Row("executions per hour and day", "onward analytics trend --bucket day"),
    "success_rate": Row("the share of completed against failed", "onward analytics summary"),
    "duration": Row("average, shortest, longest, and percentiles", "onward analytics summary"),
    "queue_wait": Row("how long they wait before they start", "onward analytics summary"),
    "utilisation": Row("how busy the workers are", "onward analytics utilisation"),
    "dashboard": Row("filters, drill-down and export of all of these", "onward analytics", web=True),
    "sequential": Row("one task triggers another", "onward run A --then B"),
    "parallel": Row("several run at once, and end together", "docs/patterns/parallel.md"),
    "conditional": Row("if success B, if failure C", "onward run A --then B --on-failure C"),
    "scheduled": Row("a schedule creates executions", 'onward schedule create nightly --cron "0 2 * * *"'),
    "stuck": Row("why is it pending, and what to do", "onward execution explain ID"),
    "worker_list": Row("the workers and what they do", "onward worker list"),
    "queue_capacity": Row("depth, age, workers and slots of a queue", "onward queue list", web=True),
    "routing": Row("where would it run, and who listens there", "onward run TASK --dry-run"),
    "investigate": Row(
        "from the error to the step to the line of the log", "onward execution get ID", web=True
    ),
    "agent_configuration": Row(
        "the configuration it ran with, and what changed since", "onward agent get NAME"
    ),
    "policies": Row("what a policy denied is recorded, with the rule", "onward policy list"),
    "stalled": Row("does it make progress?", "onward execution list --stalled"),
    "cancel_and_retry": Row("cancel and try again", "onward execution retry ID"),
    "timeouts": Row("timeouts are shown, and extended while it runs", "onward execution extend ID"),
    "bulk": Row("cancel all that match", "onward bulk cancel --status running"),
    "review_failures": Row("failures grouped by their error", "onward errors list"),
    "trends": Row("success and duration against the time before", "onward analytics summary"),
    "right_size": Row("how many workers are needed", "onward analytics workers"),
    "concurrency": Row("how many at once: per worker, queue, task and key", "onward limit list"),
    "smaller_pieces": Row("a large task in smaller pieces", "docs/patterns/fan-out.md"),
    "priorities": Row("urgent ones first, and nothing starves", "onward run TASK --priority 9"),
    "logging": Row("detailed logs, with levels and without secrets", "onward execution logs ID --level info"),
    "alerts": Row("be told of failures", "onward alert create"),
    "over_time": Row(
        "patterns over time, kept after the raw rows", "onward analytics trend --since 90d --bucket day"
    ),
    "audit": Row("who did what: complete, and nobody can change it unseen", "onward audit verify"),
    "manage": Row("all actions on the board, with permissions and audit", "onward key create"),
}
_ON_PAGES = ROOT / "tests" / "browser"
_NAMED = re.compile(r"^ *(?:async )?def test_seed_(\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Test:
    """A test named after a row; `promise` is the rest of its name in words."""

    row: str
    promise: str
    path: Path


def named_tests(tests: Path) -> list[Test]:
    """Returns the tests that are named after a row: `test_seed_<row>_<promise>`."""
    return [
        _test(name, path)
        for path in sorted(tests.rglob("test_*.py"))
        for name in _NAMED.findall(path.read_text())
    ]


def _test(name: str, path: Path) -> Test:
    rows = [row for row in ROWS if name == row or name.startswith(f"{row}_")]
    row = max(rows, key=len, default=name)
    return Test(row, name.removeprefix(row).strip("_").replace("_", " "), path)


def uncovered(tests: list[Test]) -> list[str]:
    """Returns each row that has no test, and each test named after a row that there is not."""
    found = {test.row for test in tests}
    shown = {test.row for test in tests if test.path.is_relative_to(_ON_PAGES)}
    missing = [f"{row}: no test" for row in ROWS if row not in found]
    missing += [f"{name}: no test on a page" for name, row in ROWS.items() if row.web and name not in shown]
    return missing + [
        f"{row}: a test is named after it, and it is no row" for row in sorted(found - set(ROWS))
    ]


def page(tests: list[Test]) -> str:
    """Returns the page."""
    rows = "".join(
        _row(name, row, [test for test in tests if test.row == name]) for name, row in ROWS.items()
    )
    return (
        "# What an execution is promised to be, and the tests that show it\n\n"
        "Made from the names of the tests by `python -m tooling.seed_page`: change those, not this page.\n"
        "Tests of the row `cli_list` begin with `test_seed_cli_list_`.\n\n"
        "| | promise | shown by | see it |\n|---|---|---|---|\n" + rows
    )


def _row(name: str, row: Row, tests: list[Test]) -> str:
    shown = "<br>".join(f"{test.promise} [·](../{test.path.relative_to(ROOT)})" for test in tests)
    return f"| {name.replace('_', ' ')} | {row.says} | {shown or '–'} | `{row.command}` |\n"


if __name__ == "__main__":
    print(page(named_tests(ROOT / "tests")), end="")
