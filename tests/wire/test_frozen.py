"""Each message as it was first shipped: it decodes for ever, and nothing of it is lost.

A file here is never changed. A new field gets a default, and a file of its own where it matters.
"""

import json
from pathlib import Path

import msgspec
import pytest

from onward.bus.hint_body import Fired
from onward.contract import events as ev
from onward.contract.agents import AgentSpec, TeamSpec
from onward.contract.alerts import AlertSpec, ChannelSpec
from onward.contract.drafts import DraftSpec
from onward.contract.execution import Execution
from onward.contract.limit import LimitSpec
from onward.contract.limits import KeyState
from onward.contract.lines import Chunk
from onward.contract.places import EnvironmentSpec, QueueSpec
from onward.contract.policies import PolicySpec
from onward.contract.quota import QuotaSpec
from onward.contract.retention import HoldSpec, RetentionSpec
from onward.contract.saved_view import SavedViewSpec
from onward.contract.schedules import ScheduleSpec, ScheduleState
from onward.contract.submission import (
    AmendCommand,
    AnswerCommand,
    CancelCommand,
    Heartbeat,
    KeySpec,
    RetryCommand,
    Submission,
    TaskSpec,
)
from onward.contract.webhooks import WebhookSpec
from onward_gateway.resources.table import KINDS

HERE = Path(__file__).parent
EVENTS = sorted(HERE.glob("event.*.json"))
ASKED = {
    "submission": Submission,
    "submission.on_exhausted": Submission,
    "submission.then": Submission,
    "submission.agent": Submission,
    "submission.limits": Submission,
    "submission.retention": Submission,
    "amend": AmendCommand,
    "amend.place": AmendCommand,
    "cancel": CancelCommand,
    "retry": RetryCommand,
    "answer": AnswerCommand,
}
STORED = {
    "schedule": ScheduleSpec, "schedule_state": ScheduleState, "webhook": WebhookSpec,
    "execution": Execution, "task": TaskSpec, "task.on_exhausted": TaskSpec, "task.stalled_after": TaskSpec,
    "queue": QueueSpec, "queue.set": QueueSpec, "environment": EnvironmentSpec, "saved_view": SavedViewSpec,
    "quota": QuotaSpec, "policy": PolicySpec, "retention_times": RetentionSpec, "hold": HoldSpec,
    "task.limits": TaskSpec, "task.retention": TaskSpec, "limit": LimitSpec, "limit_state": KeyState,
    "key": KeySpec, "key.scope": KeySpec,
    "alert": AlertSpec, "channel": ChannelSpec,
    "agent": AgentSpec, "team": TeamSpec, "draft": DraftSpec,
    "heartbeat": Heartbeat, "heartbeat.connections": Heartbeat, "hint.timer": Fired, "hint.deadline": Fired,
    "heartbeat.slots": Heartbeat,
    "log_chunk": Chunk,
}  # fmt: skip
FREE = {
    "input",
    "output",
    "result",
    "answer",
    "schema",
    "input_schema",
    "output_schema",
    "value",
    "labels",
    "config",
    "waits",
}
FREE |= {
    "submission",
    "weights",
    "busy",
    "variables",
    "filters",
    "grants",
    "holders",
    "holds",
    "levels",
    "before",
    "deadlines",
    "inputs",
    "tolerates",
}


def frozen(name: str) -> bytes:
    return (HERE / f"{name}.json").read_bytes()


def grown(value, name=""):
    """The message as a newer release might send it: one more field in each of its objects."""
    if isinstance(value, list) and name not in FREE:
        return [grown(item, name) for item in value]
    if isinstance(value, dict) and name in {"children", "then"}:
        return value
    if not isinstance(value, dict) or name in FREE - {"waits"}:
        return value
    inner = {key: grown(item, key) for key, item in value.items()}
    return inner if name == "waits" else {**inner, "added_later": {"a": [1]}}


def type_of(path: Path) -> str:
    """The event's type; what a later release added to one is frozen in a second file, `event.<type>+2.json`."""
    return path.stem.removeprefix("event.").partition("+")[0]


def test_each_type_of_event_has_a_frozen_message():
    types = {str(kind.__struct_config__.tag) for kind in ev.KNOWN.__args__}
    assert {type_of(path) for path in EVENTS} == types


def test_each_file_is_tested():
    named = {path.stem for path in HERE.glob("*.json")} - {path.stem for path in EVENTS}
    assert named == {*ASKED, *STORED, "hint.wake"}


def test_each_kind_of_resource_has_a_frozen_sample():
    assert {kind.spec for kind in KINDS} <= set(STORED.values())


@pytest.mark.parametrize("path", EVENTS, ids=type_of)
def test_an_event_decodes_for_ever_and_loses_nothing(path):
    event = ev.decode(path.read_bytes())
    assert ev.event_type(event) == type_of(path)
    assert not isinstance(event, ev.Unknown)
    assert json.loads(ev.encode(event)) == json.loads(path.read_bytes())


@pytest.mark.parametrize("path", EVENTS, ids=type_of)
def test_every_field_of_an_event_is_in_its_frozen_messages(path):
    event = ev.decode(path.read_bytes())
    shipped = [json.loads(other.read_bytes()) for other in EVENTS if type_of(other) == type_of(path)]
    # A new field of the envelope is the same in all of them: one message that has it is enough.
    envelope = {"deadlines"}
    assert set(event.__struct_fields__) - {"v"} - envelope == set().union(*shipped) - {"type"} - envelope, (
        "a new field: freeze a message that has it"
    )


def test_every_field_of_the_envelope_is_in_some_frozen_message():
    shipped = set().union(*(json.loads(path.read_bytes()) for path in EVENTS))
    assert set(ev.Event.__struct_fields__) - {"v"} <= shipped


@pytest.mark.parametrize("path", EVENTS, ids=type_of)
def test_an_event_with_fields_of_a_newer_release_is_still_the_same_event(path):
    newer = json.dumps(grown(json.loads(path.read_bytes()))).encode()
    assert b"added_later" in newer
    event = ev.decode(newer)
    old = json.loads(path.read_bytes())
    now = json.loads(ev.encode(event))
    for skipped in ("state", "checkpoints"):
        old.pop(skipped, None)
        now.pop(skipped, None)
    assert now == old


@pytest.mark.parametrize("path", EVENTS, ids=type_of)
def test_an_event_of_a_later_version_that_cannot_be_read_is_kept_whole(path):
    newer = json.loads(path.read_bytes()) | {"v": 2, "attempt": {"now": "an object"}, "type": "unheard_of"}
    raw = json.dumps(newer).encode()
    event = ev.decode(raw)
    assert isinstance(event, ev.Unknown)
    assert (event.type, event.n, event.wake, event.v) == ("unheard_of", 4, "gpu.high", 2)
    assert ev.encode(event) == raw


def test_a_known_type_of_a_later_version_that_cannot_be_read_is_kept_whole():
    newer = json.loads(frozen("event.started")) | {"v": 2, "attempt": {"now": "an object"}}
    event = ev.decode(json.dumps(newer).encode())
    assert isinstance(event, ev.Unknown)
    assert ev.event_type(event) == "started"


@pytest.mark.parametrize("wrong", [b"", b"{", b"[]", b'{"type":"started"}', b"null", b'"started"', b"\xff"])
def test_what_is_no_event_at_all_is_an_error(wrong):
    with pytest.raises(msgspec.MsgspecError):
        ev.decode(wrong)


def test_a_known_event_of_this_version_with_a_wrong_field_is_an_error():
    wrong = json.loads(frozen("event.started")) | {"attempt": "two"}
    with pytest.raises(msgspec.ValidationError):
        ev.decode(json.dumps(wrong).encode())


@pytest.mark.parametrize("name, kind", [*STORED.items(), *ASKED.items()])
def test_a_message_decodes_for_ever_and_loses_nothing(name, kind):
    value = msgspec.json.decode(frozen(name), type=kind)
    assert json.loads(msgspec.json.encode(value)) == json.loads(frozen(name))


@pytest.mark.parametrize("name, kind", STORED.items())
def test_a_stored_message_with_fields_of_a_newer_release_is_still_read(name, kind):
    newer = json.dumps(grown(json.loads(frozen(name)))).encode()
    assert b"added_later" in newer
    old = msgspec.json.encode(msgspec.json.decode(frozen(name), type=kind))
    now = msgspec.json.encode(msgspec.json.decode(newer, type=kind))
    assert json.loads(now) == json.loads(old)


@pytest.mark.parametrize("name, kind", ASKED.items())
def test_a_request_with_an_unknown_field_is_refused_at_the_door(name, kind):
    for wrong in (grown(json.loads(frozen(name))), json.loads(frozen(name)) | {"added": 1}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(json.dumps(wrong), type=kind)


def test_a_request_with_an_unknown_field_in_its_policy_is_refused_too():
    for inner in ("retry", "timeouts"):
        wrong = json.loads(frozen("submission"))
        wrong[inner]["added"] = 1
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(json.dumps(wrong), type=Submission)


def test_a_wake_event_is_its_own_hint():
    assert isinstance(ev.decode(frozen("hint.wake")), ev.RetryRequested)
