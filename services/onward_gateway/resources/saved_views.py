"""Saved views: filters of the list of executions, under a name that a team shares."""

from urllib.parse import urlencode

from onward.contract.errors import InvalidParameter
from onward.contract.saved_view import SavedViewSpec
from onward.http.query import read_query
from onward_gateway.executions import Filters
from onward_gateway.resources.kind import Around, Kind, wrong

_NOT_SAVED = {"cursor", "limit", "min_position"}


def check(spec: SavedViewSpec, _around: Around) -> None:
    """Raises InvalidBody for filters that GET /api/v1/executions would refuse."""
    for name, values in spec.filters.items():
        if name in _NOT_SAVED:
            raise wrong(f"/filters/{name}", "it says which page is meant, and is no filter")
        text = urlencode([(name, value) for value in ([values] if isinstance(values, str) else values)])
        try:
            read_query(text.encode(), Filters)
        except InvalidParameter as error:
            raise wrong(f"/filters/{name[:80]}", str(error), error.fix) from None


KIND = Kind(spec=SavedViewSpec, plural="saved-views", a="a saved view", check=check)
