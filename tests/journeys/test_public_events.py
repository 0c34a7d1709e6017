"""NATS as an interface: a plain client hears the seed page's events, as docs/asyncapi.yaml says they are."""

import asyncio
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import nats
import yaml
from nats.aio.msg import Msg

from tests.support.platform import platform

SEED = {
    "submitted": "Task submitted",
    "started": "Execution started",
    "question_asked": "Agent question (requires user input)",
    "checkpoint_reached": "Checkpoint reached",
    "output_generated": "Output generated",
    "failed": "Execution failed",
    "completed": "Execution completed",
}


async def test_a_plain_subscriber_sees_the_seven_events_of_one_execution_as_the_page_describes_them(
    tmp_path: Path,
) -> None:
    page = yaml.safe_load(Path("docs/asyncapi.yaml").read_text())
    async with platform(tmp_path, workers=1) as onward:
        heard: list[tuple[str, dict[str, Any]]] = []
        client = await nats.connect(onward.servers[0].url)

        async def hear(message: Msg) -> None:
            heard.append((message.subject, json.loads(message.data)))

        await client.subscribe("onward.live.default.>", cb=hear)
        await client.flush()
        execution = await onward.submit("seven")
        await onward.reaches(execution, "waiting_for_input")
        status, answered = await onward.call("POST", f"/executions/{execution}/answer", {"answer": "yes"})
        assert status == 200, answered
        assert (await onward.ended(execution))["status"] == "failed"
        status, retried = await onward.call("POST", f"/executions/{execution}/retry", {})
        assert status in (200, 202), retried

        async def completed() -> bool:
            return any(event["type"] == "completed" for _, event in heard)

        await onward.eventually(completed, 20, "no completed event was announced")
        await client.close()
        mine = [(subject, event) for subject, event in heard if event["execution_id"] == execution]
        assert set(SEED) <= {event["type"] for _, event in mine}
        # Each once, though some come twice in a life: by its ordinal.
        assert sorted(event["n"] for _, event in mine) == list(range(1, len(mine) + 1))
        for subject, event in mine:
            assert subject == f"onward.live.default.{event['type']}.default.{execution}"
            schema_of(page, event["type"]).validate(event)


def schema_of(page: dict[str, Any], kind: str) -> Any:
    """A validator of one message of the page."""
    text = json.dumps({**page["components"]["messages"][kind]["payload"], "components": page["components"]})
    return jsonschema_rs.validator_for(json.loads(text))


async def test_the_page_refuses_an_event_that_is_not_as_it_says(tmp_path: Path) -> None:
    page = yaml.safe_load(Path("docs/asyncapi.yaml").read_text())
    await asyncio.sleep(0)
    assert not schema_of(page, "completed").is_valid({"type": "completed", "n": "one"})
