"""The CLI's profile: where the installation is that a bare `onward` command means, and its key."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from onward.cli.embedded.private_file import write_private


class Profile(msgspec.Struct, frozen=True):
    """What `onward up` leaves for the other commands."""

    url: str
    api_key: str


def profile_path(env: Mapping[str, str]) -> Path:
    """Returns ONWARD_PROFILE, else `onward/profile.json` in the user's configuration folder."""
    if env.get("ONWARD_PROFILE"):
        return Path(env["ONWARD_PROFILE"]).expanduser()
    return Path(env.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "onward" / "profile.json"


def write_profile(profile: Profile, env: Mapping[str, str]) -> Path:
    """Stores the profile, readable by its owner only."""
    path = profile_path(env)
    write_private(path, msgspec.json.encode(profile))
    return path


def read_profile(env: Mapping[str, str]) -> Profile | None:
    """Returns the stored profile, if there is a readable one."""
    try:
        return msgspec.json.decode(profile_path(env).read_bytes(), type=Profile)
    except (OSError, msgspec.DecodeError):
        return None
