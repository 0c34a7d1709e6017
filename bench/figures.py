"""What the tables of a comparison show, and the goals."""

from collections.abc import Callable
from typing import Any, NamedTuple

Line = dict[str, Any]


class Figure(NamedTuple):
    """One column."""

    name: str
    read: Callable[[Line], float]
    digits: int = 0
    compared: bool = False
    """Whether a ratio to each peer is shown."""


def of(*path: str) -> Callable[[Line], float]:
    """What stands under this name, or under a name in a name. Raises KeyError."""

    def read(line: Line) -> float:
        found: Any = line
        for name in path:
            found = found[name]
        return float(found)

    return read


def all_cpu(line: Line) -> float:
    """Milliseconds of servers, worker, and client together."""
    return float(sum(line["cpu_ms_per_exec"].values()))


def all_memory(line: Line) -> float:
    """MiB of all processes, idle."""
    return float(line["idle_servers"]["pss_mib"] + line["idle_worker"]["pss_mib"])


def rerun(line: Line) -> float:
    """How many steps that had ended ran again."""
    return float(len(line["finished_steps_rerun"]))


OTHERS = Figure("others' CPU %", of("others_cpu_pct"))
THROUGHPUT = [
    Figure("executions/s", of("exec_per_s"), compared=True),
    Figure("submits/s", of("submit_per_s")),
    Figure("CPU ms each: servers", of("cpu_ms_per_exec", "servers"), 2),
    Figure("worker", of("cpu_ms_per_exec", "worker"), 2),
    Figure("client", of("cpu_ms_per_exec", "client"), 2),
    Figure("CPU ms each, all", all_cpu, 2, compared=True),
    OTHERS,
]
TABLES = {
    "w1": ("W1: no-ops, single submissions, 64 in flight", THROUGHPUT),
    "w1b": ("W1b: no-ops, submitted by batches of 100", THROUGHPUT),
    "w1c": ("W1c: no-ops, 100 callers, from submit to result", [THROUGHPUT[0], OTHERS]),
    "w2": ("W2: one at a time, milliseconds", [
        Figure("result p50", of("result", "p50_ms"), 2, compared=True),
        Figure("p90", of("result", "p90_ms"), 2),
        Figure("result p99", of("result", "p99_ms"), 2, compared=True),
        Figure("started p50", of("started", "p50_ms"), 2),
        Figure("started p99", of("started", "p99_ms"), 2),
        Figure("submit p50", of("submit_call", "p50_ms"), 2),
        OTHERS,
    ]),
    "w3": ("W3: steps, 50 executions of 10 at once; one execution of 100", [
        Figure("steps/s", of("steps_per_s"), compared=True),
        Figure("ms a step, alone", of("ms_per_step_single"), 2, compared=True),
        Figure("CPU ms a step, without the client", of("cpu_ms_per_step"), 2),
        OTHERS,
    ]),
    "w4": ("W4: SIGKILL of the worker in step 5 of 10", [
        Figure("kill to progress, s", of("kill_to_progress_s"), 3, compared=True),
        Figure("kill to end, s", of("kill_to_done_s"), 2),
        Figure("finished steps run again", rerun),
    ]),
    "w5": ("W5: what it takes", [
        Figure("servers up, s", of("servers_up_s"), 1),
        Figure("cold to first result, s", of("cold_to_first_result_s"), 2, compared=True),
        Figure("idle PSS, MiB", all_memory, compared=True),
        Figure("idle CPU %", of("idle_cpu_pct"), 1, compared=True),
        Figure("bytes on disk each", of("disk_bytes_per_exec"), compared=True),
        Figure("PSS after the burst, MiB", of("mem_after", "pss_mib")),
    ]),
    "fs": ("Flushes of the servers, one execution at a time (strace)", [
        Figure("a no-op", of("fsyncs_per_noop"), 1),
        Figure("a step", of("fsyncs_per_step"), 1),
    ]),
}  # fmt: skip


class Goal(NamedTuple):
    """What is to be reached: at least or at most so much, or so many times what a peer reaches beside it."""

    workload: str
    figure: str
    bound: float
    moonshot: float
    beside: str = ""
    least: bool = False

    def met(self, value: float) -> bool:
        """Whether it is reached."""
        return value >= self.bound if self.least else value <= self.bound

    def text(self, bound: float) -> str:
        """As a person writes it."""
        sign = "≥" if self.least else "≤"
        return f"{sign} {bound:g}" + (f" × {self.beside.capitalize()}" if self.beside else "")


GOALS = [
    Goal("w1", "executions/s", 2.5, 4, "restate", least=True),
    Goal("w1", "executions/s", 1.5, 4, "taskiq", least=True),
    Goal("w1", "CPU ms each, all", 0.9, 0.6),
    Goal("w2", "result p50", 1.0, 0.7, "restate"),
    Goal("w2", "result p99", 1.0, 0.7, "restate"),
    Goal("w3", "steps/s", 1.5, 3, "restate", least=True),
    Goal("w3", "ms a step, alone", 0.7, 0.55, "restate"),
    Goal("w4", "kill to progress, s", 0.10, 0.05),
    Goal("w4", "finished steps run again", 0, 0),
    Goal("w5", "cold to first result, s", 4, 2),
    Goal("w5", "idle PSS, MiB", 300, 150),
    Goal("w5", "idle CPU %", 3, 1.5),
    Goal("w5", "bytes on disk each", 2000, 1000),
]
