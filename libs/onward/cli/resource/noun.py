"""What the generic verbs need to know of a kind of resource."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from onward.cli.show import Column


class Noun(NamedTuple):
    """A kind of resource, as the command line speaks of it."""

    word: str
    plural: str
    """The last part of its address."""
    columns: Callable[[], Sequence[Column]]
    """Of its list."""
    example: str
    """A command that makes one, for its help."""
    told: tuple[str, ...] = ()
    """Members that `get` prints and nobody sets, beside those of every kind."""
