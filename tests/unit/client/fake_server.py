"""The HTTP side of the fake gateway: real connections, kept alive, lost and cut when a test says so."""

import contextlib
import json
import sys
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from onward.contract.errors import InvalidParameter, OnwardError
from onward.http.problems import problem_of


class Request(NamedTuple):
    """What a client sent."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    headers: dict[str, str]


@contextlib.contextmanager
def served(gateway: Any) -> Iterator[int]:
    """Serves a gateway on a port of its own."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.gateway = gateway
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    gateway: Any

    def handle_error(self, request, client_address):
        broke = sys.exception()
        if not isinstance(broke, OSError):  # clients go away in these tests
            self.gateway.broke.append("".join(traceback.format_exception(broke)))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._serve("GET")

    def do_POST(self):
        self._serve("POST")

    def do_PATCH(self):
        self._serve("PATCH")

    def do_PUT(self):
        self._serve("PUT")

    def do_DELETE(self):
        self._serve("DELETE")

    def _serve(self, method):
        gateway = self.server.gateway
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        request = Request(
            method, unquote(url.path), parse_qs(url.query), json.loads(body) if body else None,
            {name.lower(): value for name, value in self.headers.items()},
        )  # fmt: skip
        gateway.requests.append(request)
        when = gateway.lose.popleft() if gateway.lose else ""
        if when == "before":
            self.close_connection = True
            return
        if gateway.busy:
            status, after = gateway.busy.popleft()
            self._send(status, {"code": "overloaded", "detail": "too much"}, {"Retry-After": after})
            return
        try:
            if request.path.endswith("/logs"):
                self._stream(gateway, request)
                return
            answer = gateway.answer(request)
        except OnwardError as refused:
            answer = refused.status, problem_of(refused, instance=url.path, trace_id="t" * 32), {}
        if when == "after":
            self.close_connection = True
            return
        self._send(*answer)

    def _send(self, status, value, headers):
        body = b"" if value is None else msgspec.json.encode(value)
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, gateway, request):
        one = gateway.resolve(request.path.split("/")[4])
        cut_after = gateway.cut_streams_after.popleft() if gateway.cut_streams_after else None
        if {"after", "tail"} <= request.query.keys():
            raise InvalidParameter("after and tail exclude each other")
        self.send_response(200)
        self.send_header("Content-Type", request.headers["accept"])
        if gateway.framed:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        if gateway.cut_off_once:
            gateway.cut_off_once = False
            why = {"code": "slow_client", "detail": "too slow", "hint": None}
            self._chunk(json.dumps({"end": False, "error": why, "last_line": 0}).encode() + b"\n")
            self._last_chunk()
            return
        sent = 0
        for line in _lines(gateway, one, request):
            if sent == cut_after:
                # In the middle of a line, as a crash would.
                self._chunk(json.dumps(line).encode()[:20])
                return
            self._chunk(json.dumps(line).encode() + b"\n")
            sent += 1
        if "follow" in request.query and gateway.tells_ends:
            self._chunk(json.dumps({"end": True, "status": "completed", "last_line": sent}).encode() + b"\n")
        if cut_after is None or sent < cut_after:
            self._last_chunk()

    def _chunk(self, data):
        framed = f"{len(data):x}\r\n".encode() + data + b"\r\n"
        self.wfile.write(framed if self.server.gateway.framed else data)
        self.wfile.flush()

    def _last_chunk(self):
        if self.server.gateway.framed:
            self.wfile.write(b"0\r\n\r\n")


def _lines(gateway: Any, one: str, request: Request) -> Iterator[dict[str, Any]]:
    after = int(request.query.get("after", ["0"])[0])
    levels = request.query.get("level")
    if gateway.forget_after_once and after:
        gateway.forget_after_once, after = False, 0
    if "tail" in request.query:
        after = max(after, len(gateway.lines[one]) - int(request.query["tail"][0]))
    while True:
        with gateway.changed:
            ready = gateway.lines[one][after:]
            ended = gateway.state(one).ended
            if not ready and not ended and "follow" in request.query:
                gateway.changed.wait(0.5)
                continue
        for line in ready:
            after = line["line"]
            if gateway.skip_line_once == after:
                gateway.skip_line_once = None
            elif levels is None or line["level"] in levels:
                yield line
        if not ready and (ended or "follow" not in request.query):
            return
