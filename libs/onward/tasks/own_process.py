"""`process=True`: a function that runs in a process of its own, which imports it and can be killed."""

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


class OwnProcess:
    """Marks a function for a process of its own; called directly, it just runs, here and now."""

    def __init__(self, fn: Callable[..., Any], what: str) -> None:
        self.__wrapped__, self.__doc__ = fn, fn.__doc__
        self.module, self.qualname = _place(fn, what)

    def check(self) -> None:
        """Raises ImportError where the name leads another process to something else."""
        if self.__wrapped__.__module__ == "__main__":
            return  # here it goes by another name than there
        if imported(self.module, self.qualname) is not self.__wrapped__:
            raise ImportError(f"{self.qualname} of {self.module} is another function than the one registered")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it here."""
        return self.__wrapped__(*args, **kwargs)


def callable_for(fn: Callable[..., Any], what: str, *, process: bool) -> Callable[..., Any]:
    """What runs for `fn`. Raises TypeError where a process of its own could not import it."""
    return OwnProcess(fn, what) if process else fn


def _place(fn: Callable[..., Any], what: str) -> tuple[str, str]:
    if inspect.iscoroutinefunction(inspect.unwrap(fn)):
        raise TypeError(f"{what}: process=True is for a plain def; this is an async def")
    module, qualname = getattr(fn, "__module__", None), getattr(fn, "__qualname__", None)
    why = None
    if not module or not qualname:
        why = "it has no name to import it by"
    elif "<" in qualname:
        why = f"{qualname} is made inside of another function, where nobody can import it"
    elif module == "__main__" and (module := _name_of_main()) is None:
        why = f"{qualname} was typed in, and is in no module"
    if why is not None:
        raise TypeError(f"{what}: process=True needs a function that another process can import: {why}")
    return str(module), str(qualname)


def _name_of_main() -> str | None:
    """The name by which others import the program that was started."""
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name)
    return None if file is None else Path(file).stem


def imported(module: str, qualname: str) -> Callable[..., Any]:
    """The function of that name, without what a registry made of it. Raises ImportError."""
    found: Any = importlib.import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
        if found is None:
            raise ImportError(f"{module} has no {qualname}")
    call = getattr(found, "call", None)
    fn: Callable[..., Any] = call.__wrapped__ if isinstance(call, OwnProcess) else found
    return fn
