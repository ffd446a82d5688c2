"""The visitor's address: the peer's, unless the peer is a proxy that is believed."""

from __future__ import annotations

import ipaddress
import random
from typing import Any

import pytest

from visits.data.proxies import CARRIER, PRIVATE
from visits.data.proxies import PROXIES as PRESETS
from visits.ingestion.addresses import (
    AddressRanges,
    Network,
    client_address,
    first_forwarded,
    is_private,
    is_trusted_peer,
    pack_address,
    shorten_address,
)

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


#: The visitor that the proxy 10.0.0.1 saw, and an address that the visitor would like to have.
VISITOR = "203.0.113.7"
WANTED = "198.51.100.66"
VISITOR_6 = "2001:db8:bbbb::7"

FORWARDED = "HTTP_X_FORWARDED_FOR"


@pytest.mark.parametrize("proxies", [PROXIES, [*PROXIES, *PROXIES], tuple(PROXIES)])
@pytest.mark.parametrize(
    ("headers", "address"),
    [
        # What the visitor sent, and what the proxy appended.
        ({FORWARDED: VISITOR}, VISITOR),
        ({FORWARDED: f"{WANTED}, {VISITOR}"}, VISITOR),
        ({FORWARDED: f"{WANTED},{VISITOR}"}, VISITOR),
        ({FORWARDED: f"{WANTED},\t{VISITOR} "}, VISITOR),
        ({FORWARDED: f"{WANTED}, {WANTED}, {WANTED}, {VISITOR}"}, VISITOR),
        # Several headers are joined by commas, those of the visitor first.
        ({FORWARDED: f"{WANTED},{WANTED}, {VISITOR}"}, VISITOR),
        ({FORWARDED: f"{WANTED}, 10.0.0.2,{VISITOR}"}, VISITOR),
        # The visitor claims to be a proxy, or to come through one.
        ({FORWARDED: f"{WANTED}, 10.0.0.9, {VISITOR}"}, VISITOR),
        ({FORWARDED: f"10.0.0.9, {VISITOR}"}, VISITOR),
        ({FORWARDED: f"{WANTED}, 127.0.0.1, {VISITOR}"}, VISITOR),
        ({FORWARDED: f"{WANTED}, {VISITOR}, 10.0.0.2"}, VISITOR),
        ({FORWARDED: f"{WANTED}, {VISITOR}, 10.0.0.3, 10.0.0.2"}, VISITOR),
        # Garbage left of the visitor is never read.
        ({FORWARDED: f"unknown, {VISITOR}"}, VISITOR),
        ({FORWARDED: f", {VISITOR}"}, VISITOR),
        ({FORWARDED: f",,,,,{VISITOR}"}, VISITOR),
        ({FORWARDED: f"'; DROP TABLE visits; --, {VISITOR}"}, VISITOR),
        ({FORWARDED: f"<script>alert(1)</script>, {VISITOR}"}, VISITOR),
        ({FORWARDED: f"\x00\x01\udcff, {VISITOR}"}, VISITOR),
        ({FORWARDED: "٣.٣.٣.٣, " + VISITOR}, VISITOR),
        ({FORWARDED: f"{WANTED}, " * 700 + VISITOR}, VISITOR),
        ({FORWARDED: "x" * 10_000 + f", {VISITOR}"}, VISITOR),
        # Ports, brackets, zones, mapped and long forms, capitals.
        ({FORWARDED: f"{WANTED}:80, {VISITOR}:51000"}, VISITOR),
        ({FORWARDED: f"{WANTED}, [{VISITOR_6}]:51000"}, VISITOR_6),
        ({FORWARDED: f"{WANTED}, [{VISITOR_6}]"}, VISITOR_6),
        ({FORWARDED: f"{WANTED}, {VISITOR_6}%eth0"}, VISITOR_6),
        ({FORWARDED: f"{WANTED}, [{VISITOR_6}%25eth0]:1"}, VISITOR_6),
        ({FORWARDED: f"{WANTED}, ::ffff:{VISITOR}"}, VISITOR),
        ({FORWARDED: f"{WANTED}, [::FFFF:{VISITOR}]:8080"}, VISITOR),
        ({FORWARDED: f"{WANTED}, ::ffff:cb00:7107"}, VISITOR),
        ({FORWARDED: f"{WANTED}, 2001:0DB8:BBBB:0:0:0:0:0007"}, VISITOR_6),
        ({FORWARDED: f"{WANTED}, {VISITOR}, ::ffff:10.0.0.2"}, VISITOR),
        ({FORWARDED: f"{WANTED}, {VISITOR}, 2001:db8:aaaa::2"}, VISITOR),
        # Garbage where the proxy should have written an address: the proxy is all that is known.
        ({FORWARDED: f"{WANTED}, unknown"}, "10.0.0.1"),
        ({FORWARDED: f"{WANTED}, _hidden"}, "10.0.0.1"),
        ({FORWARDED: f"{WANTED},"}, "10.0.0.1"),
        ({FORWARDED: f"{WANTED}, 203.0.113.256"}, "10.0.0.1"),
        ({FORWARDED: f"{WANTED}, 203.0.113.07"}, "10.0.0.1"),
        ({FORWARDED: f"{WANTED}, 0xcb.0.0x71.7"}, "10.0.0.1"),
        ({FORWARDED: f"{WANTED}, 3405803783"}, "10.0.0.1"),
        ({FORWARDED: f"{WANTED}, 203.0.113"}, "10.0.0.1"),
        ({FORWARDED: f"{WANTED}, 2001:db8::1::2"}, "10.0.0.1"),
        ({FORWARDED: f"{WANTED}, " + "1" * 10_000}, "10.0.0.1"),
        ({FORWARDED: f"{WANTED}; {VISITOR}"}, "10.0.0.1"),
        ({FORWARDED: f"{WANTED} {VISITOR}"}, "10.0.0.1"),
        ({FORWARDED: f"{WANTED}, unknown, 10.0.0.2"}, "10.0.0.2"),
        ({FORWARDED: ""}, "10.0.0.1"),
        ({FORWARDED: "," * 10_000}, "10.0.0.1"),
        ({}, "10.0.0.1"),
        # More hops than anybody has passed: none of them is the visitor.
        ({FORWARDED: f"{WANTED}" + ", 10.0.0.2" * 1000}, "10.0.0.2"),
        # Headers that the visitor may send past a proxy that knows nothing of them.
        ({"HTTP_FORWARDED": f"for={WANTED}"}, "10.0.0.1"),
        ({"HTTP_X_REAL_IP": WANTED}, "10.0.0.1"),
        ({"HTTP_CF_CONNECTING_IP": WANTED}, "10.0.0.1"),
        ({"HTTP_TRUE_CLIENT_IP": WANTED}, "10.0.0.1"),
        ({"HTTP_X_CLIENT_IP": WANTED}, "10.0.0.1"),
        ({"HTTP_X_FORWARDED": WANTED}, "10.0.0.1"),
        ({"HTTP_FORWARDED_FOR": WANTED}, "10.0.0.1"),
        ({"HTTP_X_CLUSTER_CLIENT_IP": WANTED}, "10.0.0.1"),
        ({"HTTP_FORWARDED": f"for={WANTED}", FORWARDED: VISITOR}, VISITOR),
        ({"HTTP_X_REAL_IP": WANTED, FORWARDED: VISITOR}, VISITOR),
        ({"HTTP_CF_CONNECTING_IP": WANTED, FORWARDED: VISITOR}, VISITOR),
    ],
)
def test_nobody_chooses_an_address_by_a_header(
    headers: dict[str, Any], address: str, proxies: list[Network]
) -> None:
    behind = {"REMOTE_ADDR": "10.0.0.1"} | headers
    direct = {"REMOTE_ADDR": VISITOR} | headers

    assert client_address(behind, proxies) == address
    # Without a proxy, past the proxy, or where none is trusted, no header counts.
    assert client_address(direct, proxies) == VISITOR
    assert client_address(direct, []) == VISITOR
    assert client_address(behind, []) == "10.0.0.1"


def test_random_headers_never_raise_and_never_give_the_address_that_was_wanted() -> None:
    chance = random.Random(1)
    parts = [
        WANTED, "10.0.0.2", "::1", "unknown", "", " ", "[", "]", "%", ":", "\x00", "\udc80", "é",
        "2001:db8:aaaa::1", f"[{WANTED}]:1", "1" * 200, "::ffff:10.0.0.3",
    ]  # fmt: skip
    for _ in range(3000):
        sent = ",".join("".join(chance.choices(parts, k=2)) for _ in range(chance.randrange(9)))
        headers = {"REMOTE_ADDR": "10.0.0.1", FORWARDED: f"{sent}, {VISITOR}"}

        assert client_address(headers, PROXIES) == VISITOR
        assert client_address({"REMOTE_ADDR": sent}, PROXIES) != VISITOR
        first_forwarded(sent)
        is_private(sent)


def test_proxies_that_replace_others_are_seen() -> None:
    """The layout of networks is remembered for a sequence, and never used for another."""
    headers = {"REMOTE_ADDR": "10.0.0.1", FORWARDED: VISITOR}
    others: list[Network] = [ipaddress.ip_network("192.168.0.0/16")]

    for _ in range(2):
        assert client_address(headers, PROXIES) == VISITOR
        assert client_address(headers, others) == "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "is_trusted"),
    [
        ("10.0.0.1", True),
        ("10.255.255.255", True),
        ("::ffff:10.0.0.1", True),
        ("2001:db8:aaaa:ffff::1", True),
        ("11.0.0.0", False),
        ("9.255.255.255", False),
        ("2001:db8:aaab::", False),
        ("", False),
        ("unix:", False),
    ],
)
def test_a_trusted_peer(peer: str, is_trusted: bool) -> None:
    assert is_trusted_peer({"REMOTE_ADDR": peer}, PROXIES) is is_trusted
    assert is_trusted_peer({"REMOTE_ADDR": peer}, []) is False


def test_ranges_hold_what_their_networks_hold() -> None:
    """Against ipaddress, at the edges of every network and at random."""
    texts = {text for preset in PRESETS.values() for text in preset} | {*CARRIER, "192.0.2.1/32"}
    networks = [ipaddress.ip_network(text) for text in texts]
    ranges = AddressRanges(networks)
    chance = random.Random(1)
    numbers: list[tuple[int, int]] = [(4, chance.getrandbits(32)) for _ in range(2000)]
    numbers += [(6, chance.getrandbits(128)) for _ in range(200)]
    for network in networks:
        first, last = int(network.network_address), int(network.broadcast_address)
        numbers += [(network.version, number) for number in (first - 1, first, last, last + 1)]
    for version, number in numbers:
        if number >= 0:
            is_4 = version == 4
            address = ipaddress.IPv4Address(number) if is_4 else ipaddress.IPv6Address(number)
            assert (address.packed in ranges) == any(address in n for n in networks), address


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0", "255.255.255.255", "::", "::1", "1::", "::7f00:1", "2001:db8:0:1:0:0:0:1"],
)
def test_the_normal_form_is_that_of_ipaddress(text: str) -> None:
    assert client_address({"REMOTE_ADDR": text}, []) == str(ipaddress.ip_address(text))


def test_the_normal_form_of_any_address_is_that_of_ipaddress() -> None:
    chance = random.Random(1)
    for _ in range(2000):
        mask = sum(0xFFFF << 16 * group for group in range(8) if chance.random() < 0.5)
        address = ipaddress.IPv6Address(chance.getrandbits(128) & mask)
        if address.ipv4_mapped is None:
            assert client_address({"REMOTE_ADDR": str(address)}, []) == str(address)
            assert client_address({"REMOTE_ADDR": address.exploded}, []) == str(address)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 198.51.100.1, 10.0.0.1", "203.0.113.7"),
        (" [2001:DB8::1]:51000 ,198.51.100.1", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        # A sender's own proxy is not told from a visitor: whoever may send has named it.
        ("10.0.0.5, 203.0.113.7", "10.0.0.5"),
        ("unknown, 203.0.113.7", "203.0.113.7"),
        (",, 203.0.113.7", "203.0.113.7"),
        ("unknown", ""),
        ("", ""),
        (",,,", ""),
        ("x," * 5000 + "203.0.113.7", ""),
        ("\x00\udcff", ""),
    ],
)
def test_the_first_address_that_a_trusted_sender_forwards(forwarded: str, address: str) -> None:
    assert first_forwarded(forwarded) == address


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("10.0.0.1", True),
        ("172.16.0.1", True),
        ("172.31.255.255", True),
        ("172.17.0.1", True),
        ("192.168.178.20", True),
        ("127.0.0.1", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("100.127.255.255", True),
        ("::1", True),
        ("fd12:3456:789a::1", True),
        ("fc00::1", True),
        ("fe80::1%eth0", True),
        ("::ffff:192.168.0.1", True),
        ("[::1]:8000", True),
        ("172.15.255.255", False),
        ("172.32.0.0", False),
        ("100.63.255.255", False),
        ("100.128.0.0", False),
        ("192.167.255.255", False),
        ("203.0.113.7", False),
        ("8.8.8.8", False),
        ("2001:db8::1", False),
        ("fec0::1", False),
        ("", False),
        ("unix:", False),
        ("nonsense", False),
    ],
)
def test_private_addresses(address: str, private: bool) -> None:
    assert is_private(address) is private


def test_every_named_network_is_one() -> None:
    for texts in (*PRESETS.values(), PRIVATE, CARRIER):
        networks = [ipaddress.ip_network(text) for text in texts]
        assert len(set(networks)) == len(networks)
    assert len(PRESETS["cloudflare"]) == 22
    assert not any(is_private(text.partition("/")[0]) for text in PRESETS["cloudflare"])


@pytest.mark.parametrize("text", ["", " ", ":", "::ffff:", "1.2.3.4.5", "[", "[]", "a" * 101])
def test_what_is_no_address_is_none(text: str) -> None:
    assert pack_address(text) is None
