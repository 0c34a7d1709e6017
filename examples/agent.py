"""An agent: a language model that uses tools until it knows the answer, and asks a person before the dangerous one.

Any OpenAI-compatible endpoint will do: OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL. Each call of the model and of a
tool is a step. Kill the worker at any moment: what was paid for is not asked again.

    onward run agent -i '{"goal": "How many modules are in this folder?"}' --follow
"""

import http.client
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from onward import Fatal, Registry, Retry, RetryAfter, ask, log, output

registry = Registry("agent")

SYSTEM = (
    "You answer questions about a folder of files. Use the tools; when you know the answer, say it plainly."
)
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": {argument: {"type": "string"}},
                "required": [argument],
            },
        },
    }
    for name, argument, description in (
        ("list_files", "pattern", "The files that match a glob pattern, such as **/*.py"),
        ("read_file", "path", "The first 8,000 characters of a file"),
        ("run_command", "command", "Run a shell command in the folder; a person is asked first"),
    )
]
polite = Retry(attempts=5, first=1.0, factor=2.0, cap=30.0)


class ToolCall(msgspec.Struct):
    """What the model wants done."""

    id: str
    name: str
    arguments: str


class Turn(msgspec.Struct):
    """One answer of the model: text, tools to call, or both."""

    text: str
    calls: list[ToolCall]


class Report(msgspec.Struct):
    """What came of it."""

    answer: str
    turns: int
    tools: list[str]


@registry.task(timeout=3600)
async def agent(goal: str, folder: str = ".", most_turns: int = 12) -> Report:
    """Reach `goal` with the model and its tools."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": goal},
    ]
    used: list[str] = []
    for number in range(1, most_turns + 1):
        turn = await think(messages)
        if not turn.calls:
            return Report(turn.text, number, used)
        messages.append(_said(turn))
        for call in turn.calls:
            result = await _use(call, folder)
            used.append(call.name)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    raise Fatal(f"no answer after {most_turns} turns")


async def _use(call: ToolCall, folder: str) -> str:
    argument = _only_argument(call)
    if call.name == "run_command":
        allowed = await ask(f"May I run this in {folder}? {argument}", choices=["yes", "no"])
        if allowed == "no":
            return "The person said no. Find another way."
        return await run_command.keyed(call.id, argument, folder)
    if call.name == "list_files":
        return await list_files.keyed(call.id, argument, folder)
    if call.name == "read_file":
        return await read_file.keyed(call.id, argument, folder)
    return f"There is no tool {call.name}."


@registry.step
def list_files(pattern: str, folder: str) -> str:
    """Names, one a line."""
    home = Path(folder).resolve()
    found = sorted(str(p.relative_to(home)) for p in home.glob(pattern) if p.is_file())
    return "\n".join(found[:500]) or "nothing matches"


@registry.step
def read_file(path: str, folder: str) -> str:
    """Only inside the folder, whatever the model asks for."""
    home = Path(folder).resolve()
    file = (home / path).resolve()
    if not file.is_relative_to(home) or not file.is_file():
        return "there is no such file in the folder"
    return file.read_text("utf-8", "replace")[:8_000]


@registry.step(timeout=120)
def run_command(command: str, folder: str) -> str:
    """Its output and exit code. Only reached when a person said yes."""
    shell = ["/bin/sh", "-c", command]
    done = subprocess.run(shell, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    return f"exit code {done.returncode}\n{(done.stdout + done.stderr)[-8_000:]}"


@registry.step(retry=polite, timeout=300)
def think(messages: list[dict[str, Any]]) -> Turn:
    """Ask the model; its tokens are handed out as they come, its answer is paid for once."""
    connection, path = _connect()
    try:
        body = {"model": _model(), "messages": messages, "tools": TOOLS, "stream": True}
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '')}",
        }
        connection.request("POST", path, json.dumps(body), headers)
        with connection.getresponse() as response:
            _check(response)
            return _read(response)
    finally:
        connection.close()


def _connect() -> tuple[http.client.HTTPConnection, str]:
    base = urlsplit(os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1"))
    kind = http.client.HTTPSConnection if base.scheme == "https" else http.client.HTTPConnection
    return kind(base.netloc, timeout=60), f"{base.path.rstrip('/')}/chat/completions"


def _model() -> str:
    return os.environ.get("OPENAI_MODEL", "gpt-4o-mini")


def _check(response: http.client.HTTPResponse) -> None:
    if response.status == http.client.OK:
        return
    said = response.read(2_000).decode("utf-8", "replace")
    if response.status == http.client.TOO_MANY_REQUESTS:
        raise RetryAfter(float(response.headers.get("Retry-After") or 5), said)
    if response.status < http.client.INTERNAL_SERVER_ERROR:
        raise Fatal(f"the model endpoint answers {response.status}: {said}")
    raise ConnectionError(f"the model endpoint answers {response.status}: {said}")


def _read(response: http.client.HTTPResponse) -> Turn:
    """The streamed answer: `data:` lines, each with a piece of text or of a tool's arguments."""
    text: list[str] = []
    calls: dict[int, ToolCall] = {}
    while line := response.readline():
        if not line.startswith(b"data:") or line.strip() == b"data: [DONE]":
            continue
        choices = json.loads(line[5:]).get("choices") or [{}]
        delta = choices[0].get("delta") or {}
        if piece := delta.get("content"):
            text.append(piece)
            output(piece)
        for part in delta.get("tool_calls") or []:
            call = calls.setdefault(part["index"], ToolCall("", "", ""))
            call.id = call.id or part.get("id", "")
            call.name += part.get("function", {}).get("name") or ""
            call.arguments += part.get("function", {}).get("arguments") or ""
    if not text and not calls:
        raise ConnectionError("the model endpoint ended its answer before it began")
    for call in calls.values():
        log(f"wants {call.name}({call.arguments})")
    return Turn("".join(text), [calls[index] for index in sorted(calls)])


def _said(turn: Turn) -> dict[str, Any]:
    function: Literal["function"] = "function"
    calls = [
        {"id": call.id, "type": function, "function": {"name": call.name, "arguments": call.arguments}}
        for call in turn.calls
    ]
    return {"role": "assistant", "content": turn.text or None, "tool_calls": calls}


def _only_argument(call: ToolCall) -> str:
    try:
        given = json.loads(call.arguments or "{}")
    except ValueError:
        return ""
    return str(next(iter(given.values()), "")) if isinstance(given, dict) else ""
