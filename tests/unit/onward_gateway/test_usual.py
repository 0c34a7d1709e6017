"""What nobody said is taken from the task, then from its queue, then from the defaults."""

from onward.contract.events import TimeoutPolicy
from onward.contract.places import QueueSpec
from onward.contract.retry import RetryPolicy
from onward.contract.submission import TaskSpec
from onward_gateway.usual import usual_for

QUEUE = QueueSpec(name="q", priority=7, retry=RetryPolicy(attempts=9), timeouts=TimeoutPolicy(attempt=60))


def test_a_task_that_says_nothing_has_what_its_queue_says():
    assert usual_for(TaskSpec(name="t"), QUEUE) == (7, QUEUE.retry, QUEUE.timeouts)


def test_what_a_task_says_counts_more_than_its_queue():
    task = TaskSpec(name="t", priority=2, retry=RetryPolicy(attempts=1), timeouts=TimeoutPolicy(queue=5))

    assert usual_for(task, QUEUE) == (2, task.retry, task.timeouts)


def test_without_either_there_are_the_defaults():
    for queue in (None, QueueSpec(name="q")):
        assert usual_for(TaskSpec(name="t"), queue) == (5, RetryPolicy(), TimeoutPolicy())


async def test_a_queue_gives_its_executions_priority_retries_timeouts_and_environment(house):
    await house.call("POST", "/api/v1/environments", {"name": "prod"})
    members = {"priority": 8, "retry": {"attempts": 9}, "timeouts": {"execution": 60}}
    assert (await house.call("PATCH", "/api/v1/queues/fast", members)).status == 200

    plain = await house.submit(queue="fast")
    own = await house.submit(queue="fast", priority=1, retry={"attempts": 2}, environment="lab")

    assert [plain[name] for name in ("priority", "max_attempts", "environment")] == [8, 9, "prod"]
    assert [own[name] for name in ("priority", "max_attempts", "environment")] == [1, 2, "lab"]
