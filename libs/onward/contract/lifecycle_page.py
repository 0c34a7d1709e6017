"""Prints docs/lifecycle.md from the state machine; `--write FILE` and `--check FILE` do what they say.

Run it as `python -m onward.contract.lifecycle_page`.
"""

import inspect
import sys
from collections import defaultdict
from pathlib import Path

from onward.contract import events as ev
from onward.contract.execution import ENDED, Status
from onward.contract.lifecycle import BY_OWNER, TRANSITIONS

STATUSES = {
    Status.PENDING: "It waits for a worker, or for its time. A claim, a cancel or a refusal moves it on.",
    Status.RUNNING: "A worker holds it, or it waits with its checkpoints kept: for a time, an answer, another worker.",
    Status.COMPLETED: "It ended well, for ever.",
    Status.FAILED: "It ended badly. Only an explicit retry leaves this status.",
    Status.CANCELLED: "It was stopped. Only an explicit retry leaves this status.",
}

REASONS = {
    Status.PENDING: {
        "queued": ("a hint waits in its queue", "a worker claims it"),
        "delayed": ("its time has not come", "its timer fires"),
        "paused": ("somebody paused it", "somebody resumes it"),
    },
    Status.RUNNING: {
        "executing": ("a worker runs its code", "the worker, or who finds the worker gone"),
        "retrying": ("an attempt failed", "its timer fires, and a worker claims it"),
        "sleeping": ("its code sleeps; no slot is taken", "its timer fires, and a worker claims it"),
        "waiting_for_input": ("it asked a question; no slot is taken", "an answer, or a sleep that ends first"),
        "in_doubt": ("a step that runs at most once was cut short; a person is asked, no slot is taken", "an answer"),
        "waiting_for_children": ("its children run; no slot is taken", "the end of as many as it waits for"),
        "waiting_for_event": ("it waits for an event from outside; no slot is taken", "that event, or its time limit"),
        "waiting_for_worker": ("it was answered, handed back by a draining worker, or is to be tried again at once",
                               "a worker claims it"),
        "recovering": ("its worker was lost", "a worker claims it"),
        "paused": ("somebody paused it, and its worker has let go", "somebody resumes it"),
        "undoing": ("it is going to fail, and its steps are undone first", "the worker, or who finds the worker gone"),
        "cancelling": ("a cancel was asked for; a worker stops it, or undoes its steps",
                       "that worker, or who finds it gone"),
    },
    Status.FAILED: {
        "error": ("its code raised what no retry mends, or no retry was wanted", "an explicit retry"),
        "exhausted": ("its last attempt failed as well", "an explicit retry"),
        "timed_out": ("its last attempt took too long", "an explicit retry"),
        "poison": ("it took down every worker that tried it", "an explicit retry"),
        "policy_denied": ("a policy forbids it", "an explicit retry"),
        "held": ("it waits for repair, and ends no life: who waits for its outcome goes on waiting",
                 "an explicit retry, or a cancel"),
    },
}  # fmt: skip


def page() -> str:
    """The page as Markdown."""
    parts = [
        "# The life of an execution\n",
        "Made from the code by `python -m onward.contract.lifecycle_page`: change the code, not this page.\n",
        "```mermaid\n" + "\n".join(_diagram()) + "\n```\n",
        "## Statuses\n",
        *_statuses(),
        "\n## What may follow what\n",
        "What is not in this table is refused, wherever it comes from.\n",
        *_transitions(),
        "\n## Reasons\n",
        "A status says where an execution stands, its reason why.\n",
        *_reasons(),
    ]
    return "\n".join(parts) + "\n"


def _diagram() -> list[str]:
    arrows: dict[tuple[Status, Status], list[str]] = defaultdict(list)
    for (before, kind), after in TRANSITIONS.items():
        arrows[before, after].append(_name(kind))
    lines = ["stateDiagram-v2", "    [*] --> pending: submitted"]
    for (before, after), names in arrows.items():
        # Inside one status the table below tells more than a loop with a dozen names.
        if before is not after:
            lines.append(f"    {before} --> {after}: {', '.join(names)}")
    return lines + [f"    {status} --> [*]" for status in Status if _is_final(status)]


def _is_final(status: Status) -> bool:
    return all(before is not status for before, _ in TRANSITIONS)


def _statuses() -> list[str]:
    rows = ["| status | ended | what it means |", "|---|---|---|"]
    return rows + [
        f"| `{status}` | {'yes' if status in ENDED else 'no'} | {STATUSES[status]} |" for status in Status
    ]


def _transitions() -> list[str]:
    rows = ["| before | event | after | what happened |", "|---|---|---|---|"]
    for (before, kind), after in TRANSITIONS.items():
        said = inspect.cleandoc(kind.__doc__ or "").splitlines()[0]
        owner = " *Only the worker that holds it.*" if kind in BY_OWNER else ""
        rows.append(f"| `{before}` | `{_name(kind)}` | `{after}` | {said}{owner} |")
    return rows


def _reasons() -> list[str]:
    rows = ["| status | reason | because | what moves it on |", "|---|---|---|---|"]
    for status, reasons in REASONS.items():
        rows += [
            f"| `{status}` | `{name}` | {because} | {moves} |" for name, (because, moves) in reasons.items()
        ]
    return rows


def _name(kind: type[ev.Event]) -> str:
    return str(kind.__struct_config__.tag)


def main(argv: list[str]) -> int:
    """Prints, writes or checks the page; the exit code says whether it is up to date."""
    match argv:
        case []:
            sys.stdout.write(page())
        case ["--write", file]:
            Path(file).write_text(page())
        case ["--check", file]:
            if not Path(file).exists() or Path(file).read_text() != page():
                sys.stderr.write(f"{file} is not up to date: run this again with --write\n")
                return 1
        case _:
            sys.stderr.write(
                "usage: python -m onward.contract.lifecycle_page [--write FILE | --check FILE]\n"
            )
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
