"""`http`: sends one HTTP request; the answer is the result."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from onward.contract.retry import Retry
from onward.tasks.context import idempotency_key, log
from onward.tasks.outcome import Fatal, RetryAfter
from onward.tasks.registry import Registry

MAX_BODY = 192 * 1024
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})

registry = Registry("http")


@registry.task(name="http", retry=Retry(attempts=5, first=1.0, cap=60.0))
def request(
    url: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: Any = None,
    timeout: float = 30.0,
) -> dict[str, Any]:
    """Send a request (a body that is no text goes as JSON) and return status, headers and body.

    A status of 400 and above fails the attempt; 408, 425, 429, 500, 502, 503 and 504 and connection errors are tried
    again, honouring Retry-After. The request carries an Idempotency-Key that stays the same over attempts.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise Fatal(f"only http and https addresses can be asked, not {url[:80]!r}")
    sent = dict(headers or {})
    data = None
    if body is not None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        if not any(name.lower() == "content-type" for name in sent):
            sent["Content-Type"] = (
                "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
            )
    if not any(name.lower() == "idempotency-key" for name in sent):
        sent["Idempotency-Key"] = idempotency_key()
    asked = urllib.request.Request(url, data=data, headers=sent, method=method.upper())  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(asked, timeout=timeout) as answer:  # noqa: S310 - checked above
            return _result(answer.status, answer.headers, answer.read(MAX_BODY + 1))
    except urllib.error.HTTPError as error:
        _refused(error)
        raise


def _refused(error: urllib.error.HTTPError) -> None:
    text = error.read(2_000).decode("utf-8", "replace")
    log(f"HTTP {error.code}: {text}", level="warning")
    if error.code not in AGAIN:
        raise Fatal(f"HTTP {error.code} {error.reason}") from None
    wait = error.headers.get("Retry-After", "")
    if wait.isdigit():
        raise RetryAfter(min(float(wait), 3600.0), f"HTTP {error.code} {error.reason}") from None


def _result(status: int, headers: http.client.HTTPMessage, body: bytes) -> dict[str, Any]:
    log(f"HTTP {status}, {len(body)} bytes")
    cut = len(body) > MAX_BODY
    text = body[:MAX_BODY].decode(headers.get_content_charset() or "utf-8", "replace").replace("\0", "\ufffd")
    is_json = headers.get_content_type() == "application/json" and not cut
    try:
        value = json.loads(text) if is_json else text
    except ValueError:
        value = text
    return {"status": status, "headers": dict(headers.items()), "body": value, "truncated": cut}
