"""What a comparison says of its lines: a ratio is of what was measured side by side, and nothing is passed over."""

from bench.report import made


def line(peer: str, number: int, rate: float, **more) -> dict:
    beside = more.pop("beside", "restate:best")
    return {
        "peer": peer, "profile": "default" if peer == "onward" else "best", "workload": "w1", "round": number,
        "beside": beside, "exec_per_s": rate, "submit_per_s": rate,
        "cpu_ms_per_exec": {"servers": 0.4, "worker": 0.2, "client": 0.1}, "others_cpu_pct": 5, **more,
    }  # fmt: skip


def row(report: str, beginning: str, told: str = "") -> list[str]:
    [found] = [text for text in report.splitlines() if text.startswith(beginning) and told in text]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_a_ratio_is_the_median_of_pairs_measured_beside_each_other() -> None:
    lines = []
    for number, (ours, theirs) in enumerate([(3000, 1000), (1000, 500), (4000, 1000)]):
        lines += [line("onward", number, ours), line("restate", number, theirs)]
        lines.append(line("onward", number, 9999, beside="taskiq:durable"))

    goal = row(made(lines), "| W1 | executions/s |", "Restate")

    assert goal[3] == "restate 1,000 (500–1,000)"
    assert goal[4] == "3.00 (2.00–4.00)"
    assert goal[-1] == "yes"


def test_a_goal_that_is_missed_says_by_how_much() -> None:
    report = made([line("onward", 1, 2000), line("restate", 1, 1000)])
    goal = row(report, "| W1 | executions/s |", "Restate")

    assert goal[-1] == "NO: 2"


def test_disturbed_runs_do_not_count_where_there_is_a_calm_one() -> None:
    lines = [line("onward", 1, 100, others_cpu_pct=150), line("onward", 1, 1000), line("restate", 1, 500)]

    report = made(lines)

    assert row(report, "| onward |")[3:5] == ["1", "1,000"]
    assert row(report, "| restate |")[-2] == "2.00"


def test_a_row_of_disturbed_runs_alone_says_so() -> None:
    report = made([line("onward", 1, 1000), line("restate", 1, 500, others_cpu_pct=150)])

    assert row(report, "| onward |")[3] == "1"
    assert row(report, "| restate |")[3] == "1, DISTURBED"


def test_who_is_not_installed_is_told_with_the_reason_and_a_goal_beside_it_is_open() -> None:
    lines = [line("onward", 1, 1000), line("taskiq", 1, 0, not_run="no module named taskiq")]

    report = made(lines)

    assert row(report, "| taskiq |")[4] == "NOT RUN: no module named taskiq"
    assert row(report, "| W1 | executions/s |", "Taskiq")[-1] == "NOT RUN"
