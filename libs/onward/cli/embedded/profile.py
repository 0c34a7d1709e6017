"""Leaves the profile for the other commands: where the installation is that a bare `onward` means, and its key."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from onward.cli.embedded.private_file import write_private
from onward.client.profile import Profile, locate


def write_profile(profile: Profile, env: Mapping[str, str]) -> Path:
    """Stores the profile, readable by its owner only."""
    path = locate(env)
    write_private(path, msgspec.json.encode({"url": profile.url, "api_key": profile.api_key}))
    return path
