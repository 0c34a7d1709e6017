"""Saved views: CONFIG kind `saved-view`."""

from typing import ClassVar

from onward.contract.resource import Resource


class SavedViewSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """Filters of the list of executions, by their names in the address; a list where several values are meant."""

    KIND: ClassVar[str] = "saved-view"

    title: str | None = None
    description: str | None = None
    filters: dict[str, str | list[str]] = {}
    columns: list[str] = []
    """Which members are shown, in their order; none: those that are shown anyway."""
    sort: str | None = None
