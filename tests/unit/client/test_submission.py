"""Whatever a submission may say, a client says it by the member's name; plain values and Onward's own types alike."""

from datetime import UTC, datetime

import msgspec
import pytest

from onward import Limit, Retry
from onward.contract.submission import RerunCommand, Submission

CASES = {
    "task": "report",
    "input": {"path": "/"},
    "queue": "fast",
    "environment": "prod",
    "priority": 9,
    "delay": 30.0,
    "run_at": datetime(2026, 1, 1, tzinfo=UTC),
    "idempotency_key": "once",
    "labels": {"team": "a"},
    "retry": Retry(attempts=7),
    "timeouts": {"attempt": 60},
    "on_exhausted": "hold",
    "parent_id": "019b76da-b5cc-75db-8ca9-5bdc0bfef70c",
    "task_id": "mine",
    "then": {"on_success": {"task": "shell"}},
    "limits": [Limit("customer:{path}", max=2, full="drop_newest")],
    "debounce": {"key": "site", "wait": 5},
    "retention": "long",
    "agent": "clerk",
    "team": "office",
}
APART = {"task", "agent", "team"}


@pytest.mark.parametrize("member", sorted(set(CASES) - APART))
def test_a_client_submits_with_each_member_of_a_submission(client, gateway, member):
    client.submit(**{"task": "report", member: CASES[member]})

    asked = msgspec.json.decode(msgspec.json.encode(gateway.sent("POST")[0].body), type=Submission)

    wanted = msgspec.json.decode(msgspec.json.encode(CASES[member]), type=_type(Submission, member))
    assert getattr(asked, member) == wanted


def _type(of, member):
    return next(field.type for field in msgspec.structs.fields(of) if field.name == member)


def test_there_is_a_case_for_every_member():
    assert set(CASES) == set(Submission.__struct_fields__)


def test_a_client_reruns_with_other_limits(client, gateway):
    one = gateway.submit()

    client.rerun(one, limits=[Limit("solo", max=1)])

    asked = msgspec.convert(gateway.sent("POST")[0].body, RerunCommand)
    assert asked.limits == (Limit("solo", max=1),)
