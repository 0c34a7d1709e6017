"""The web interface: static files, read once, and one page that shows whatever its address names."""

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from litestar import get

from onward.contract.errors import NotFound
from onward.http.answer import Answer, Headers
from onward.http.auth import PUBLIC
from onward.http.call import call_of
from onward_gateway.routes import Door

ADDRESSES = (
    "/", "/list", "/needs-you", "/queues", "/workers", "/tasks", "/schedules", "/drafts", "/webhooks", "/alerts",
    "/channels", "/audit", "/agents", "/teams", "/environments", "/saved-views", "/limits", "/quotas", "/policies",
    "/keys", "/errors", "/analytics", "/sign-in", "/x/{execution_id:str}",
)  # fmt: skip
"""What the script in the page knows to show; ui/app.js has the same list."""
FILES = "/ui/{path:path}"

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SAFE: Headers = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    # Asked for anew each time, and answered with 304: an upgrade shows at the next load, and mixes no versions.
    (b"cache-control", b"no-cache"),
)


def _walk(folder: Traversable, path: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        here = f"{path}{entry.name}"
        if entry.is_dir():
            yield from _walk(entry, f"{here}/")
        elif entry.name.rpartition(".")[2] in _TYPES:
            yield here, entry.read_bytes()


class _File:
    """A file as it is answered."""

    def __init__(self, name: str, body: bytes) -> None:
        kind = _TYPES[name.rpartition(".")[2]]
        self.etag = b'"' + hashlib.sha256(body).hexdigest()[:20].encode() + b'"'
        self.body = body
        self.headers: Headers = ((b"content-type", kind.encode()), (b"etag", self.etag), *_SAFE)


_FILES = {name: _File(name, body) for name, body in _walk(files(__package__) / "ui")}


@get(list(ADDRESSES), opt={PUBLIC: True})
async def page(request: Door) -> Answer:
    """The one page; who looks at it signs in there."""
    return _answered(request, "index.html")


@get(FILES, opt={PUBLIC: True})
async def asset(request: Door) -> Answer:
    """One of its files."""
    return _answered(request, str(request.path_params["path"]).lstrip("/"))


PAGES = (page, asset)


def _answered(request: Door, name: str) -> Answer:
    found = _FILES.get(name)
    if found is None:
        raise NotFound("there is no such page")
    if call_of(request.scope).headers.get(b"if-none-match") == found.etag:
        return Answer(304, b"", found.headers)
    return Answer(200, found.body, found.headers)
