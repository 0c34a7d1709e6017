"""A small OpenAI-compatible endpoint on loopback: scripted turns, streamed word by word, every request recorded."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Model:
    """Answers the k-th turn of a conversation with the k-th of its lines; `asked` has the turn of each request."""

    def __init__(self, turns: list[dict[str, Any]], word_seconds: float) -> None:
        self.turns, self.word_seconds = turns, word_seconds
        self.asked: list[int] = []
        self.finished: list[int] = []
        self.refuse: list[tuple[int, dict[str, str]]] = []
        """Statuses and headers for the next requests, before the script goes on."""
        self.url = ""


def says(text: str) -> dict[str, Any]:
    """A turn that is text."""
    return {"content": text}


def wants(name: str, **arguments: str) -> dict[str, Any]:
    """A turn that calls one tool."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"tool_calls": [{"id": f"call_{name}", "function": function}]}


@contextlib.contextmanager
def model(*turns: dict[str, Any], word_seconds: float = 0.0) -> Iterator[Model]:
    """The endpoint, until the end of the block."""
    here = Model(list(turns), word_seconds)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if here.refuse:
                status, headers = here.refuse.pop(0)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                return
            turn = sum(message["role"] == "assistant" for message in body["messages"])
            here.asked.append(turn)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            with contextlib.suppress(OSError):  # who asked was killed
                for delta in _deltas(here.turns[turn]):
                    chunk = json.dumps({"choices": [{"delta": delta}]})
                    self.wfile.write(f"data: {chunk}\n\n".encode())
                    self.wfile.flush()
                    time.sleep(here.word_seconds)
                self.wfile.write(b"data: [DONE]\n\n")
                here.finished.append(turn)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    here.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _deltas(turn: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for word in (turn.get("content") or "").split():
        yield {"content": f"{word} "}
    for index, call in enumerate(turn.get("tool_calls", [])):
        whole = call["function"]["arguments"]
        yield {
            "tool_calls": [{"index": index, "id": call["id"], "function": {"name": call["function"]["name"]}}]
        }
        for part in (whole[: len(whole) // 2], whole[len(whole) // 2 :]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": part}}]}
