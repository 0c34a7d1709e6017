"""Keeps declared secrets out of what is written down: each occurrence becomes `***`."""

import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlsplit

MASK = "***"
SHORTEST = 4
"""Shorter texts are no secrets: masking them would only make the log unreadable."""
_CREDENTIALS = ("ONWARD_API_KEY",)
_URLS = ("ONWARD_NATS_URL", "ONWARD_NATS_SYS_URL", "ONWARD_DATABASE_URL")


class Scrubber:
    """Replaces secrets in texts, also where they are quoted for a URL or in JSON."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(secrets)
        forms = {form for secret in self._secrets for piece in _pieces(secret) for form in _forms(piece)}
        self._forms = sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True)
        self.longest = len(self._forms[0]) if self._forms else 0
        """Characters of the longest form: what must be held back where a text is cut."""

    def and_also(self, secrets: Iterable[str]) -> "Scrubber":
        """A scrubber of these as well."""
        return Scrubber((*self._secrets, *secrets))

    def __bool__(self) -> bool:
        return bool(self._forms)

    def __call__(self, text: str) -> str:
        """Return `text` with every secret masked."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text


NOTHING_SECRET = Scrubber()


def declared(env: Mapping[str, str]) -> Scrubber:
    """A scrubber of what ONWARD_SECRETS lists (names of variables, or values), and of Onward's own credentials."""
    items = [item.strip() for item in env.get("ONWARD_SECRETS", "").split(",")]
    secrets = [env.get(item) or item for item in items if item]
    secrets += [env[name] for name in _CREDENTIALS if name in env]
    secrets += [password for name in _URLS if (password := urlsplit(env.get(name, "")).password)]
    return Scrubber(secrets)


def _pieces(secret: str) -> list[str]:
    # A log knows lines only: a key of several lines is recognised by each of them.
    return [piece for line in secret.splitlines() if (piece := line.strip())]


def _forms(piece: str) -> set[str]:
    return {
        piece,
        quote(piece),
        quote(piece, safe=""),
        json.dumps(piece)[1:-1],
        json.dumps(piece, ensure_ascii=False)[1:-1],
    }
