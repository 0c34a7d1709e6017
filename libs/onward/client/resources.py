"""Long-lived resources: environments, queues, saved views and so on, one handle for each kind."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from onward.client.problem import ApiProblem
from onward.client.wire import Answer, Wire

Json = dict[str, Any]
_PAGE = 200


class Resources:
    """One kind; what it returns has an `etag`, which `if_match` takes to change nothing that others changed."""

    def __init__(self, wire: Wire, plural: str) -> None:
        self._wire = wire
        self._path = f"/api/v1/{plural}"

    def create(self, name: str, **members: Any) -> Json:
        """Creates one; raises ApiProblem where the name is taken."""
        return self._told(self._wire.call("POST", self._path, body={"name": name, **members}))

    def get(self, name: str) -> Json:
        """Returns one."""
        return self._told(self._wire.call("GET", self._of(name)))

    def list(self, *, q: str | None = None) -> Iterator[Json]:
        """Yields all of them, or those whose name has a text, by name, page by page."""
        yield from pages(self._wire, self._path, q=q)

    def update(self, name: str, *, if_match: str | None = None, **members: Any) -> Json:
        """Changes the members that are named; None gives one its default back."""
        return self._change("PATCH", name, members, if_match)

    def replace(self, name: str, *, if_match: str | None = None, **members: Any) -> Json:
        """Gives it these members, and all others their defaults."""
        return self._change("PUT", name, members, if_match)

    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Deletes one."""
        checked(self._wire.call("DELETE", self._of(name), headers=_match(if_match)))

    def act(self, name: str, verb: str, **members: Any) -> Json:
        """Asks for one of the acts that only this kind has, as `POST …/{name}/{verb}`."""
        return self._told(self._wire.call("POST", f"{self._of(name)}/{verb}", body=members))

    def ask(self, question: str, **members: Any) -> Json:
        """Asks something about all of them, as `POST …/{question}`; nothing is changed."""
        path = f"{self._path}/{quote(question, safe='')}"
        return self._told(self._wire.call("POST", path, body=members, repeatable=True))

    def _change(self, method: str, name: str, members: Mapping[str, Any], if_match: str | None) -> Json:
        # Repeated, a change says the same again; only with an ETag would the second try be refused by the first.
        return self._told(
            self._wire.call(
                method,
                self._of(name),
                body=dict(members),
                headers=_match(if_match),
                repeatable=if_match is None,
            )
        )

    def _of(self, name: str) -> str:
        return f"{self._path}/{quote(name, safe='')}"

    @staticmethod
    def _told(answer: Answer) -> Json:
        found: Json = checked(answer).json()
        etag = answer.headers.get("etag")
        return found if etag is None else {**found, "etag": etag}


def _match(etag: str | None) -> dict[str, str]:
    return {} if etag is None else {"If-Match": etag}


def pages(wire: Wire, path: str, **asked: str | None) -> Iterator[Json]:
    """Yields what a list holds, page by page."""
    cursor: str | None = None
    while True:
        page: Json = checked(wire.call("GET", path, query={**asked, "limit": _PAGE, "cursor": cursor})).json()
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def checked(answer: Answer) -> Answer:
    """The answer itself. Raises ApiProblem for a refusal."""
    if answer.status >= 400:
        raise ApiProblem.of(answer.status, answer.body)
    return answer
