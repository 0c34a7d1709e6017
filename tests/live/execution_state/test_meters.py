"""What Prometheus reads."""

import random
from datetime import timedelta

from onward.bus.depths import Depth
from onward.process.metrics import Metrics
from onward_execution_state.analytics.counting import count
from onward_execution_state.analytics.meters import EndMeters, QueueMeters
from onward_execution_state.analytics.sizing import SizingAnswers
from onward_execution_state.overview import Overview
from onward_execution_state.workers import Workers
from tests.live.execution_state.conftest import until_projected
from tests.live.execution_state.recorded import Recorded
from tests.unit.onward_execution_state.histories import START, Walk, interleaved
from tests.unit.onward_execution_state.test_workers import beat

NOW = START + timedelta(minutes=2)


async def test_queues_ends_waits_durations_and_desired_workers_are_there_for_prometheus(
    database, projector_of
):
    done = [Walk(random.Random(seed)).submit(queue="default").claim().complete() for seed in range(3)]
    waiting = Walk(random.Random(9)).submit(queue="default")
    await until_projected(projector_of(Recorded(interleaved([*done, waiting]))))
    metrics, workers = Metrics(), Workers(START)
    workers.hear(beat(), NOW)

    async def depths(_project):
        return {("default", "normal"): Depth(waiting=6000, held=0)}

    overview = Overview(database, workers, depths, None, lambda: NOW)
    connection = await database.writer(durable=False)
    await count(connection, 100, START, EndMeters(metrics))
    await connection.close()
    await QueueMeters(database, overview, SizingAnswers(database, overview, lambda: NOW), metrics).run_once(
        NOW
    )

    read = dict(line.rsplit(" ", 1) for line in metrics.render().splitlines() if not line.startswith("#"))
    of = 'project="default",queue="default"'
    assert read[f'onward_executions_ended_total{{{of},outcome="completed"}}'] == "3"
    assert read[f"onward_execution_duration_seconds_count{{{of}}}"] == "3"
    assert read[f'onward_execution_queue_wait_seconds_bucket{{{of},le="+Inf"}}'] == "3"
    assert read[f"onward_queue_waiting{{{of}}}"] == "6000"
    assert 110 < float(read[f"onward_queue_oldest_seconds{{{of}}}"]) <= 120
    assert read[f"onward_queue_workers{{{of}}}"] == "1"
    assert int(read[f"onward_desired_workers{{{of}}}"]) > 1
