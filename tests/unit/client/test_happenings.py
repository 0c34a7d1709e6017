"""Following the events of a project from a client: over lost connections, each event once."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from onward.client import ApiProblem, Client


class Stream(ThreadingHTTPServer):
    """Events 1 to 20; each connection breaks off after so many."""

    breaks_after = 7
    purged = 0

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        self.server.asked.append(query)
        after = int(query.get("after", ["0"])[0])
        if after < self.server.purged:
            self._answer(
                410, "application/problem+json", {"code": "position_gone", "detail": "purged", "status": 410}
            )
            return
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("onward-position", str(after))
        self.end_headers()
        for position in range(after + 1, min(after + self.server.breaks_after, 20) + 1):
            told = {"position": position, "type": "failed", "event": {"n": position}}
            self.wfile.write(json.dumps(told).encode() + b"\n")
        self.wfile.write(b'{"position": %d}\n{"posit' % min(after + self.server.breaks_after, 20))

    def _answer(self, status, kind, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def stream():
    with Stream() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(stream):
    with Client(f"http://127.0.0.1:{stream.server_port}", "ow_default_x") as client:
        yield client


def test_following_goes_on_where_it_was_after_each_lost_connection(client, stream):
    reader = client.happenings(after=0, type=["failed"], label=[])
    found = [one["position"] for one in islice(reader, 20)]
    assert found == list(range(1, 21))
    assert [one["after"] for one in stream.asked] == [["0"], ["7"], ["14"]]
    assert all(one["type"] == ["failed"] and "label" not in one for one in stream.asked)
    assert reader.position == 20


def test_who_comes_back_too_late_is_told_so_and_does_not_try_again(client, stream):
    stream.purged = 5
    with pytest.raises(ApiProblem) as refused:
        next(iter(client.happenings(after=2)))
    assert (refused.value.code, len(stream.asked)) == ("position_gone", 1)
