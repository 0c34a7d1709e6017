"""Where the gateway is and which key opens it: the environment, or the file that `onward up` wrote."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from onward.contract.errors import Misconfigured

LOCAL = "http://127.0.0.1:8900"
"""Where `onward up` listens unless told otherwise."""


class Profile(NamedTuple):
    """How to reach one installation; `path` is the file it came from, if any."""

    url: str
    api_key: str | None = None
    path: Path | None = None


def locate(env: Mapping[str, str]) -> Path:
    """Returns where the profile is: ONWARD_PROFILE, else the user's configuration folder."""
    if named := env.get("ONWARD_PROFILE"):
        return Path(named).expanduser()
    return Path(env.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "onward" / "profile.json"


def read(path: Path) -> Profile | None:
    """Returns the profile in a file, or nothing where there is none."""
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        return Profile(str(told["url"]), told.get("api_key"), path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise Misconfigured(
            f"the profile {path} cannot be read: {wrong!r}",
            fix=f"remove {path}; the next `onward up` writes it again",
        ) from None


def resolve(env: Mapping[str, str], url: str | None = None, api_key: str | None = None) -> Profile:
    """Returns what is in force: an argument, else the environment, else the file, else a local gateway."""
    url, api_key = url or env.get("ONWARD_URL") or None, api_key or env.get("ONWARD_API_KEY") or None
    if url and api_key:
        return Profile(url, api_key)
    stored = read(locate(env))
    if stored is None:
        return Profile(url or LOCAL, api_key)
    if url and url.rstrip("/") != stored.url.rstrip("/"):
        return Profile(url, api_key)  # a key is shown to the gateway it is for, and to no other
    return stored._replace(api_key=api_key or stored.api_key)
