"""The relay's settings, from the environment."""

import ipaddress

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """ONWARD_… — every knob of log_relay, with its default and what it costs."""

    nats_url: str
    host: str = "127.0.0.1"
    port: int = 7072
    """0 takes any free port."""
    insecure_bind: bool = False
    """Says that a host beyond loopback is meant, and that something else brings TLS."""
    origins: tuple[str, ...] = ()
    """Origins of web pages that may open a WebSocket, beside those of this address, separated by commas."""
    most_in_flight: int = 1024
    """Requests at once that are not followers; more get 503."""
    most_following: int = 4096
    """Followers and sockets at once; each costs up to 200 KiB while it does not read."""
    stall_seconds: float = 10.0
    """How long a client may take for one message before it is cut off."""
    drain_seconds: float = 5.0
    """How long requests in flight may go on after SIGTERM."""

    def __post_init__(self) -> None:
        if not (0 <= self.port <= 65_535 and self.most_in_flight > 0 and self.most_following > 0):
            raise ValueError("port must be 0 to 65535, most_in_flight and most_following above 0")
        if self.stall_seconds <= 0 or self.drain_seconds < 0:
            raise ValueError("stall_seconds must be above 0, drain_seconds 0 or more")
        if not self.insecure_bind and not _loopback(self.host):
            raise ValueError(f"host {self.host} is not loopback; set insecure_bind where a proxy brings TLS")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
