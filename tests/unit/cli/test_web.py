"""Where `onward up` opens a browser."""

import pytest

from onward.cli.web import has_screen


@pytest.mark.parametrize(
    "env, platform, seen",
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
        ({}, "linux", False),
        ({"DISPLAY": "localhost:10", "SSH_CONNECTION": "10.0.0.1 5 10.0.0.2 22"}, "linux", False),
        ({"SSH_CONNECTION": "10.0.0.1 5 10.0.0.2 22"}, "darwin", False),
    ],
)
def test_a_browser_is_opened_only_where_it_can_be_seen(env, platform, seen):
    assert has_screen(env, platform) is seen
