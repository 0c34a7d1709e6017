"""How often each webhook may be called."""

import time

from onward.contract.webhooks import WebhookSpec
from onward.http.problems import TooManyRequests

_MINUTE = 60.0


class WebhookCalls:
    """How many calls each webhook had in this gateway within the last minute, a bucket that fills evenly."""

    def __init__(self) -> None:
        self._level: dict[tuple[str, str], tuple[float, float]] = {}

    def count(self, project: str, spec: WebhookSpec) -> None:
        """Notes one more. Raises TooManyRequests."""
        now, key = time.monotonic(), (project, spec.uid)
        level, at = self._level.get(key, (0.0, now))
        level = max(0.0, level - (now - at) * spec.per_minute / _MINUTE)
        if level + 1 > spec.per_minute:
            wait = (level + 1 - spec.per_minute) * _MINUTE / spec.per_minute
            raise TooManyRequests(
                f"more than {spec.per_minute} calls a minute",
                fix="call later, or raise per_minute of the webhook",
                retry_after=max(1.0, wait),
            )
        self._level[key] = (level + 1, now)
