"""NATS as a public interface: `docs/asyncapi.yaml`, written from the contract.

`python -m onward.contract.asyncapi` prints it; `python3 dev.py check` compares, `check --fix` writes.
"""

import sys
from typing import Any, get_args

import msgspec

from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.lines import Chunk

_HEAD = "# Written by `python3 dev.py check --fix` from libs/onward/contract; do not edit.\n"
_TRACE = {
    "type": "object",
    "properties": {
        "traceparent": {"type": "string", "description": "W3C trace context, where tracing is on"}
    },
}


def document() -> dict[str, Any]:
    """The AsyncAPI 3.0 document."""
    known = get_args(ev.KNOWN)
    schemas, components = msgspec.json.schema_components(
        (*known, Chunk), ref_template="#/components/schemas/{name}"
    )
    names = [str(kind.__struct_config__.tag) for kind in known]
    messages = {
        name: {
            "name": name,
            "summary": (kind.__doc__ or "").split("\n")[0],
            "contentType": "application/json",
            "headers": _TRACE,
            "payload": schema,
        }
        for name, kind, schema in zip(names, known, schemas, strict=False)
    }
    messages["log_chunk"] = {
        "name": "log_chunk",
        "summary": "Numbered lines of one execution's log.",
        "contentType": "application/json",
        "payload": schemas[-1],
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Onward over NATS",
            "version": "1",
            "description": "What anybody with the observer credential may subscribe to. Event types and fields may be "
            "added; those that are here stay.",
        },
        "defaultContentType": "application/json",
        "channels": _channels(names),
        "operations": {
            name: {"action": "send", "channel": {"$ref": f"#/channels/{name}"}, "summary": summary}
            for name, summary in (
                (
                    "live",
                    "Each event once, as a core message: at most once, in no promised order between executions",
                ),
                ("events", "The log itself (stream ONWARD_EVENTS): at least once, in order per execution"),
                ("logs", "Log chunks (stream ONWARD_LOGS), in order per execution"),
            )
        },
        "components": {"messages": messages, "schemas": components},
    }


def _channels(names: list[str]) -> dict[str, Any]:
    def parameters(*wanted: str) -> dict[str, Any]:
        texts = {
            "project": "the unit of isolation, `default` unless the credential says another",
            "type": "the event's type, as in its JSON",
            "queue": "where the execution waits or waited",
            "execution_id": "a UUID",
            "shard": "0 to 15, from the id",
        }
        return {name: {"description": texts[name]} for name in wanted}

    def all_events() -> dict[str, Any]:
        return {name: {"$ref": f"#/components/messages/{name}"} for name in names}

    return {
        "live": {
            "address": subjects.live("{project}", "{type}", "{queue}", "{execution_id}"),
            "messages": all_events(),
            "parameters": parameters("project", "type", "queue", "execution_id"),
        },
        "events": {
            "address": "onward.ev.{project}.{shard}.{execution_id}.e",
            "description": "Events that make an execution runnable end in `.wake.<queue>.<class>` in place of `.e`.",
            "messages": all_events(),
            "parameters": parameters("project", "shard", "execution_id"),
        },
        "logs": {
            "address": subjects.logs("{project}", "{execution_id}"),
            "messages": {"log_chunk": {"$ref": "#/components/messages/log_chunk"}},
            "parameters": parameters("project", "execution_id"),
        },
    }


def page() -> str:
    """The document as YAML."""
    import yaml  # noqa: PLC0415 - only who writes the page needs it

    return _HEAD + str(yaml.safe_dump(document(), sort_keys=False, width=110, allow_unicode=True))


def main() -> None:
    """Print the page."""
    sys.stdout.write(page())


if __name__ == "__main__":
    main()
