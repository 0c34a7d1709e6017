"""The variables of the environment that an execution runs in."""

import os
from collections.abc import Mapping
from contextvars import ContextVar
from typing import overload

current: ContextVar[Mapping[str, str] | None] = ContextVar("onward_variables", default=None)


@overload
def variable(name: str) -> str | None: ...
@overload
def variable(name: str, default: str) -> str: ...
def variable(name: str, default: str | None = None) -> str | None:
    """Return a variable of the environment this execution runs in, else of this process, else the default."""
    found = (current.get() or {}).get(name)
    return os.environ.get(name, default) if found is None else found
