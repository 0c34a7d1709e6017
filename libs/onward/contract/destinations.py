"""Where a request that somebody else has asked for may go: no address inside, unless the operator named it. Pure."""

import ipaddress

import msgspec

from onward.contract.errors import InvalidInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_INSIDE = tuple(
    (ipaddress.ip_network(network), why)
    for network, why in (
        ("0.0.0.0/8", "this host"), ("10.0.0.0/8", "private"), ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"), ("169.254.0.0/16", "link-local, where clouds keep credentials"),
        ("172.16.0.0/12", "private"), ("192.0.0.0/24", "reserved"), ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "reserved"), ("192.52.193.0/24", "reserved"), ("192.88.99.0/24", "a relay of 6to4"),
        ("192.168.0.0/16", "private"), ("192.175.48.0/24", "reserved"), ("198.18.0.0/15", "benchmarks"),
        ("198.51.100.0/24", "documentation"), ("203.0.113.0/24", "documentation"), ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"), ("168.63.129.16/32", "a cloud's host"),
        ("2001::/23", "reserved, Teredo"), ("2001:db8::/32", "documentation"), ("3fff::/20", "documentation"),
    )
)  # fmt: skip
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL = ipaddress.ip_network("2000::/3")


class Allowed(msgspec.Struct, frozen=True):
    """What an operator lets through all the same: networks, and names of hosts."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, listed: tuple[str, ...]) -> "Allowed":
        """From a list of addresses, networks and host names. Raises InvalidInput."""
        networks, hosts = [], set()
        for one in listed:
            try:
                networks.append(ipaddress.ip_network(one, strict=False))
            except ValueError:
                if "/" in one or ":" in one:
                    raise InvalidInput(f"{one!r} is neither a network nor a host name") from None
                hosts.add(one.lower().rstrip("."))
        return cls(tuple(networks), frozenset(hosts))


def why_forbidden(host: str, address: str, allowed: Allowed) -> str | None:
    """Why a request to `host`, whose name has resolved to `address`, may not leave; None where it may."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return f"{address[:80]!r} is no address"
    if host.lower().rstrip(".") in allowed.hosts or any(_within(found, one) for one in allowed.networks):
        return None
    return _why(found)


def _why(address: Address) -> str | None:
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return f"{address} is link-local"
        inner = _carried(address)
        if inner is not None:
            why = _why(inner)
            return None if why is None else f"{address} carries {why}"
        if address not in _GLOBAL:
            return f"{address} is inside: no global address of IPv6"
    for network, why in _INSIDE:
        if address.version == network.version and address in network:
            return f"{address} is {why}"
    # What a later registry adds: Python knows it.
    return None if address.is_global else f"{address} is not public"


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside of an IPv6 one: mapped, 6to4, or through NAT64."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _within(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network
