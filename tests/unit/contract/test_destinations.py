"""Where a webhook may go: a table of addresses inside, as they are written to get past a check."""

import pytest

from onward.contract.destinations import Allowed, why_forbidden
from onward.contract.errors import InvalidInput

NOTHING = Allowed.of(())
INSIDE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "100.127.255.255", "168.63.129.16",
    "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "192.88.99.1",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.1.2.3", "::ffff:0:7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:a00:1::",
    "2001::1", "2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "100::1", "4000::1", "not an address", "",
]  # fmt: skip
OUTSIDE = [
    "8.8.8.8", "1.1.1.1", "99.255.255.255", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "169.253.1.1",
    "2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_inside_may_be_reached(address):
    assert why_forbidden("hooks.example", address, NOTHING) is not None


@pytest.mark.parametrize("address", OUTSIDE)
def test_addresses_of_the_internet_may_be_reached(address):
    assert why_forbidden("hooks.example", address, NOTHING) is None


@pytest.mark.parametrize(
    "listed, host, address, allowed",
    [
        (("127.0.0.1",), "localhost", "127.0.0.1", True),
        (("127.0.0.1",), "localhost", "127.0.0.2", False),
        (("10.1.0.0/16",), "x", "10.1.2.3", True),
        (("10.1.0.0/16",), "x", "10.2.2.3", False),
        (("Hooks.internal",), "hooks.internal.", "10.2.2.3", True),
        (("hooks.internal",), "evil.internal", "10.2.2.3", False),
        (("fd00::/8",), "x", "fd00::1", True),
        (("10.0.0.0/8",), "x", "::ffff:10.0.0.1", False),
    ],
)
def test_an_operator_lets_through_what_it_names_and_nothing_else(listed, host, address, allowed):
    assert (why_forbidden(host, address, Allowed.of(listed)) is None) is allowed


def test_a_list_that_cannot_be_read_is_refused():
    with pytest.raises(InvalidInput):
        Allowed.of(("10.0.0.0/33",))
