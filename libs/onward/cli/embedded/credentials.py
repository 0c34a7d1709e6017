"""The secrets of an embedded installation: random, made on the first run, never shown in a log."""

import secrets
from datetime import datetime

import msgspec

from onward.cli.embedded.data_dir import DataDir
from onward.cli.embedded.private_file import write_private
from onward.contract.errors import Misconfigured
from onward.contract.submission import KeySpec
from onward.http.auth import new_key


class NatsPasswords(msgspec.Struct, frozen=True):
    """One password per NATS user."""

    services: str
    worker: str
    observer: str
    sys: str


class Credentials(msgspec.Struct, frozen=True):
    """What `credentials.json` holds; readable by its owner only."""

    nats: NatsPasswords
    postgres: str
    api_key: str
    key: KeySpec


def load_or_create(directory: DataDir, *, now: datetime) -> tuple[Credentials, bool]:
    """Returns the credentials, and whether they were made just now."""
    if directory.credentials.exists():
        return _load(directory), False
    created = create(now=now)
    write_private(directory.credentials, msgspec.json.format(msgspec.json.encode(created)))
    return created, True


def create(*, now: datetime) -> Credentials:
    """Returns new random credentials."""
    api_key, key = new_key("default", now=now, name="onward up")
    passwords = NatsPasswords(*(secrets.token_urlsafe(24) for _ in NatsPasswords.__struct_fields__))
    return Credentials(passwords, secrets.token_urlsafe(24), api_key, key)


def _load(directory: DataDir) -> Credentials:
    try:
        return msgspec.json.decode(directory.credentials.read_bytes(), type=Credentials)
    except msgspec.DecodeError as error:
        raise Misconfigured(
            f"{directory.credentials} cannot be read: {error}", fix="delete it: `onward up` makes new secrets"
        ) from None
