"""The fake gateway of the unit tests answers in the shapes of the real one."""

import time

import pytest

from onward.client import ApiProblem, Client
from tests.unit.client.fake_gateway import KEY, fake_gateway
from tests.unit.client.fake_surroundings import worker

MISSING = "018f0000-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def both(installation):
    said = installation.said
    with (
        fake_gateway() as fake,
        Client(said["url"], said["api_key"]) as real,
        Client(fake.url, KEY) as pretended,
    ):
        fake.workers = [worker()]
        # The same story in both: one that failed, one that completed with a line in its log.
        done = real.submit("shell", {"command": "echo hello"})["id"]
        failed = real.submit("shell", {"command": "exit 1"})["id"]
        real.wait(done)
        real.wait(failed)
        deadline = time.monotonic() + 15
        while not list(real.workers.list()):
            assert time.monotonic() < deadline, "no worker gives a sign of life"
            time.sleep(0.05)
        for command in ("echo hello", "exit 1"):
            one = pretended.submit("shell", {"command": command})["id"]
            fake.start(one)
            if command.startswith("echo"):
                fake.log(one, "hello")
                fake.complete(one, {"exit_code": 0, "tail": ["hello"]})
            else:
                fake.fail(one)
        yield (real, done, failed), (pretended, *list(fake.logs))


QUESTIONS = {
    "an execution that completed": lambda client, done, failed: client.get(done),
    "one that failed": lambda client, done, failed: client.get(failed),
    "a submission": lambda client, done, failed: client.submit("shell", {"command": "true"}),
    "a retry": lambda client, done, failed: client.cancel(client.retry(failed)["id"]) and None,
    "an explanation of one that completed": lambda client, done, failed: client.explain(done),
    "an explanation of one that failed": lambda client, done, failed: client.explain(failed),
    "a bulk operation": lambda client, done, failed: client.bulk.begin("resume", {"status": ["pending"]}),
    "bulk operations": lambda client, done, failed: next(client.bulk.list()),
    "a count": lambda client, done, failed: client.bulk.preview("cancel", {"status": ["pending"]}),
    "a page": lambda client, done, failed: next(client.list()),
    "events": lambda client, done, failed: [event["type"] for event in client.events(done)],
    "attempts": lambda client, done, failed: next(client.attempts(done)),
    "lines": lambda client, done, failed: list(client.logs(done)),
    "followed lines": lambda client, done, failed: [line["text"] for line in client.follow(done)],
    "a task": lambda client, done, failed: {
        **client.task("shell"),
        "input_schema": None,
        "output_schema": None,
    },
    "workers": lambda client, done, failed: next(client.workers.list()),
    "queues": lambda client, done, failed: {**next(client.queues()), "classes": None},
    "readiness": lambda client, done, failed: client.ready(),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_has_the_same_shape(both, question):
    real, pretended = (QUESTIONS[question](*side) for side in both)

    assert differences(pretended, real) == []


REFUSALS = {
    "not found": lambda client, done: client.get(MISSING),
    "no id": lambda client, done: client.get("nope"),
    "ended": lambda client, done: client.cancel(done),
    "no retry": lambda client, done: client.retry(done),
    "no question": lambda client, done: client.answer(done, 1),
    "no task": lambda client, done: client.submit("nope"),
    "no filter": lambda client, done: list(client.list(nonsense=1)),
    "no log": lambda client, done: list(client.logs(MISSING)),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_has_the_same_status_and_code(both, refusal):
    told = []
    for client, done, _ in both:
        with pytest.raises(ApiProblem) as refused:
            REFUSALS[refusal](client, done)
        told.append((refused.value.status, refused.value.code, bool(refused.value.detail)))

    assert told[0] == told[1]


def differences(pretended, real, where="$"):
    """Where names or kinds differ; what is null or empty on one side may be anything on the other."""
    if not pretended or not real:
        return []
    if isinstance(real, dict) and isinstance(pretended, dict):
        missing = [f"{where}.{name} is only in one" for name in real.keys() ^ pretended.keys()]
        inner = (
            differences(pretended[name], real[name], f"{where}.{name}")
            for name in real.keys() & pretended.keys()
        )
        return missing + [found for each in inner for found in each]
    if isinstance(real, list | tuple) and isinstance(pretended, list | tuple):
        return differences(pretended[0], real[0], f"{where}[]")
    kinds = {_kind(pretended), _kind(real)}
    return [] if len(kinds) == 1 else [f"{where} is {pretended!r} and {real!r}"]


def _kind(value):
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


def test_the_comparison_sees_differences():
    assert differences({"a": 1, "c": 1}, {"c": 1}) == ["$.a is only in one"]
    assert differences({"a": [{"b": "x"}]}, {"a": [{"b": 1}]}) == ["$.a[].b is 'x' and 1"]
    assert differences({"a": None, "c": 1}, {"a": {"b": 1}, "c": 2.5}) == []
