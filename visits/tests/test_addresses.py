"""The visitor's address: the peer's, unless the peer is a proxy that is believed."""

from __future__ import annotations

import ipaddress

import pytest

from visits.ingestion.addresses import Network, client_address, shorten_address

PROXIES: list[Network] = [
    ipaddress.ip_network("10.0.0.0/8"),
    ipaddress.ip_network("2001:db8:aaaa::/48"),
]


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("", ""),
        ("unix:", ""),
        ("localhost", ""),
        ("203.0.113", ""),
        ("203.0.113.256", ""),
        ("[2001:db8::1", "2001:db8::1"),
        ("'; DROP TABLE visits; --", ""),
    ],
)
def test_reads_every_way_to_write_an_address(peer: str, address: str) -> None:
    assert client_address({"REMOTE_ADDR": peer}, []) == address


def test_a_request_without_a_peer_has_no_address() -> None:
    assert client_address({}, PROXIES) == ""


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        # Nobody is believed who is no trusted proxy.
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("2001:db8:bbbb::1", "198.51.100.1", "2001:db8:bbbb::1"),
        # A proxy tells who is behind it.
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:51000", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8:bbbb::7]:51000", "2001:db8:bbbb::7"),
        ("2001:db8:aaaa::1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        # A chain of proxies is walked to its first stranger.
        ("10.0.0.1", "198.51.100.1, 10.0.0.3, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1 ,2001:db8:aaaa::2", "198.51.100.1"),
        # What the visitor wrote into the header lies left of that stranger.
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "127.0.0.1, 1.1.1.1,198.51.100.1", "198.51.100.1"),
        # Where the walk meets garbage it ends at the last hop that could be read.
        ("10.0.0.1", "1.1.1.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, , 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "_hidden", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", ",,,", "10.0.0.1"),
        # A visitor from the proxies' own network.
        ("10.0.0.1", "10.0.0.5, 10.0.0.2", "10.0.0.5"),
        # No peer, nobody to believe.
        ("", "198.51.100.1", ""),
    ],
)
def test_walks_forwarded_hops_while_they_are_trusted(
    peer: str, forwarded: str, address: str
) -> None:
    headers = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}

    assert client_address(headers, PROXIES) == address


def test_believes_no_header_where_no_proxy_is_trusted() -> None:
    headers = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "198.51.100.1"}

    assert client_address(headers, []) == "10.0.0.1"


def test_believes_only_the_header_that_proxies_append_to() -> None:
    headers = {
        "REMOTE_ADDR": "10.0.0.1",
        "HTTP_X_REAL_IP": "198.51.100.1",
        "HTTP_FORWARDED": "for=198.51.100.1",
        "HTTP_CF_CONNECTING_IP": "198.51.100.1",
        "HTTP_CLIENT_IP": "198.51.100.1",
    }

    assert client_address(headers, PROXIES) == "10.0.0.1"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.0"),
        ("203.0.113.0", "203.0.113.0"),
        ("255.255.255.255", "255.255.255.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::1", "::"),
    ],
)
def test_shortens_an_address_to_its_network(address: str, network: str) -> None:
    assert shorten_address(address) == network
