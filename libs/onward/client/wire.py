"""One keep-alive connection to a gateway: sends, reads, and tries again what may be tried again."""

import contextlib
import http.client
import json
import select
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import onward
from onward.client.problem import ApiProblem, OutcomeUnknown, Unreachable
from onward.contract.errors import Misconfigured
from onward.process.backoff import full_jitter

Query = Mapping[str, Any]
BUSY = frozenset({429, 502, 503, 504})
"""Answers that a later try may change."""


BYTES_A_SECOND = 1024 * 1024
"""What a gateway takes in and checks of a large body, at the least."""


class Answer(NamedTuple):
    """What came back; `headers` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The decoded body; raises ApiProblem where it is no JSON, as from a proxy's own page."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise ApiProblem.of(self.status, self.body) from None


class NeverSent(Exception):
    """No connection: nothing of the request has left."""


class Wire:
    """A base URL, a key, and the connection that is open now; for one thread."""

    def __init__(
        self,
        url: str,
        api_key: str | None,
        *,
        timeout: float = 30.0,
        patience: float = 10.0,
        first_contact: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self.patience = patience
        self._first_contact = first_contact
        self.clock = clock
        self.pause = pause
        self._address = _parse(self.url)
        self._headers = _headers(api_key)
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        timeout: float | None = None,
        patience: float | None = None,
    ) -> Answer:
        """Returns the answer, whatever its status; raises Unreachable after `patience` seconds without one.

        Only what is `repeatable` (reads are) is sent a second time once it may have arrived.
        """
        repeatable = method == "GET" if repeatable is None else repeatable
        target = self._target(path, query)
        payload = None if body is None else json.dumps(body, ensure_ascii=False, default=_plain).encode()
        patient = (timeout or self._timeout) + len(payload or b"") / BYTES_A_SECOND
        began = self.clock()
        deadline = began + (self.patience if patience is None else patience)
        failures = 0
        while True:
            failures += 1
            wait = full_jitter(failures, first=0.1, cap=2.0)
            try:
                answer = self._once(method, target, payload, headers or {}, patient)
            except (NeverSent, OSError, http.client.HTTPException) as lost:
                self.close()
                if not isinstance(lost, NeverSent) and not repeatable:
                    raise self._doubt(lost) from lost
                if self._first_contact is not None:
                    deadline = min(deadline, began + self._first_contact)
                if self.clock() + wait > deadline:
                    raise self._silence(lost) from lost
            else:
                self._first_contact = None
                if answer.status not in BUSY or not (repeatable or answer.status == 429):
                    return answer
                wait = max(wait, _retry_after(answer))
                if self.clock() + wait > deadline:
                    return answer
            self.pause(wait)

    @contextlib.contextmanager
    def stream(
        self, path: str, *, query: Query, accept: str, timeout: float
    ) -> Iterator[http.client.HTTPResponse]:
        """Opens an answer that may have no end, on a connection of its own."""
        connection = self._connect(timeout)
        try:
            headers = {**self._headers, "Accept": accept, "Connection": "close"}
            connection.request("GET", self._target(path, query), headers=headers)
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    def close(self) -> None:
        """Ends the connection; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _once(
        self, method: str, target: str, payload: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Answer:
        connection = self._open(timeout)
        sent = {**self._headers, "Accept": "application/json", **headers}
        if payload is not None:
            sent["Content-Type"] = "application/json"
        connection.request(method, target, body=payload, headers=sent)
        response = connection.getresponse()
        body = response.read()
        if response.will_close:
            self.close()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, body)

    def _open(self, timeout: float) -> http.client.HTTPConnection:
        # A server that closed an idle connection has said so by now: asked first, no request gets lost in it.
        if self._connection is not None and _closed_by_peer(self._connection):
            self.close()
        if self._connection is None:
            self._connection = self._connect(timeout)
        self._connection.sock.settimeout(timeout)
        return self._connection

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        scheme, host, port, _ = self._address
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        connection = kind(host, port, timeout=min(timeout, self._timeout))
        try:
            connection.connect()
        except OSError as refused:
            raise NeverSent(_reason(refused)) from refused
        connection.sock.settimeout(timeout)
        return connection

    def _target(self, path: str, query: Query | None) -> str:
        pairs = [
            (name, str(one).lower() if isinstance(one, bool) else str(one))
            for name, value in (query or {}).items()
            if value is not None
            for one in (value if isinstance(value, Sequence) and not isinstance(value, str) else [value])
        ]
        return self._address[3] + path + ("?" + urllib.parse.urlencode(pairs) if pairs else "")

    def _silence(self, lost: BaseException) -> Unreachable:
        return Unreachable(
            f"{self.url} does not answer: {_reason(lost)}",
            fix="start it with `onward up`, or point ONWARD_URL at a running gateway; `onward doctor` looks closer",
        )

    def _doubt(self, lost: BaseException) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"{self.url} went away before it answered ({_reason(lost)}): the request may have been carried out",
            fix="look at `onward execution list` first; with an idempotency key a submission is repeated safely",
        )


def _parse(url: str) -> tuple[str, str, int | None, str]:
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urllib.parse.urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        raise Misconfigured(f"{url!r} is no gateway address", fix="set ONWARD_URL to http://host:port")
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/")


def _headers(api_key: str | None) -> dict[str, str]:
    headers = {"User-Agent": f"onward/{onward.__version__}"}
    if api_key:
        if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
            raise Misconfigured(
                "the API key holds characters that keys never hold",
                fix="copy it again, in one line and without blanks, into ONWARD_API_KEY",
            )
        headers["Authorization"] = f"Bearer {api_key}"
    return headers


def _closed_by_peer(connection: http.client.HTTPConnection) -> bool:
    if connection.sock is None:
        return True
    readable = select.poll()
    readable.register(connection.sock, select.POLLIN)
    return bool(readable.poll(0))


def _retry_after(answer: Answer) -> float:
    told = answer.headers.get("retry-after", "")
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(told).timestamp()
        now = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (ValueError, TypeError):
        return 0.0
    return max(0.0, at - now)


def _reason(lost: BaseException) -> str:
    if isinstance(lost, TimeoutError):
        return "no answer in time"
    if isinstance(lost, OSError) and lost.strerror:
        return lost.strerror.lower()
    return str(lost) or type(lost).__name__


def _plain(value: Any) -> Any:
    """`Limit`, `Retry`, a time and the like, as JSON has them. Raises TypeError."""
    import msgspec  # noqa: PLC0415 - most requests have plain values, and the command line starts without

    return msgspec.to_builtins(value)
