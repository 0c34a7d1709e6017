"""Signed messages over HTTP: Standard Webhooks (HMAC-SHA256 of id, time and body), and GitHub's older form. Pure."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE = timedelta(minutes=5)
"""How far the time of a message may be from ours: an older one may be a repetition."""
_LONGEST = 256


def new_secret(randomness: bytes) -> str:
    """A secret as Standard Webhooks writes it; needs SECRET_BYTES of randomness."""
    return PREFIX + base64.b64encode(randomness[:SECRET_BYTES]).decode()


def sign(secret: str, message_id: str, at: datetime, body: bytes) -> str:
    """The header `webhook-signature` of a message."""
    return "v1," + base64.b64encode(_digest(secret, message_id, str(int(at.timestamp())), body)).decode()


def verified(
    secrets: Iterable[str], *, message_id: str, timestamp: str, signatures: str, body: bytes
) -> datetime | None:
    """The time at which a message was signed with one of these secrets; None where it was not."""
    if not (0 < len(message_id) <= _LONGEST and message_id.isprintable() and _whole(timestamp)):
        return None
    given = [_decoded(one.removeprefix("v1,")) for one in signatures.split() if one.startswith("v1,")]
    # All are compared, so that the time tells nothing of which of them fits.
    fits = [
        hmac.compare_digest(_digest(secret, message_id, timestamp, body), signature)
        for secret in secrets
        for signature in given[:8]
    ]
    return datetime.fromtimestamp(int(timestamp), UTC) if any(fits) else None


def verified_as_github(secrets: Iterable[str], *, signature: str, body: bytes) -> bool:
    """Whether `X-Hub-Signature-256` was made of the body with one of these secrets, as text."""
    given = signature.removeprefix("sha256=").encode("utf-8", "replace")
    made = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets]
    fits = [hmac.compare_digest(one.encode(), given) for one in made]
    return any(fits)


def _digest(secret: str, message_id: str, timestamp: str, body: bytes) -> bytes:
    text = f"{message_id}.{timestamp}.".encode() + body
    return hmac.new(_key(secret), text, hashlib.sha256).digest()


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX))


def decoded_secret(secret: str) -> bytes:
    """The bytes of a secret; none where it is not written as one."""
    return _decoded(secret.removeprefix(PREFIX))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 11
