"""The client's address: one function, used wherever an address matters."""

from __future__ import annotations

import ipaddress
import socket
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

from visits.data.proxies import CARRIER, PRIVATE

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: An address as its 4 or 16 bytes, which compare as the numbers they are. The functions of the
#: socket module make and write them ten times as fast as the classes of ipaddress do.
Packed = bytes

#: Longer than any way to write an address, with its zone and port.
_MAX_ADDRESS: Final = 100

#: Of a list longer than this nobody has passed every hop.
_MAX_HOPS: Final = 32

_MAPPED: Final = bytes(10) + b"\xff\xff"


class AddressRanges:
    """Networks, laid out so that to look an address up costs the same for one and for hundreds."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._starts: dict[int, list[Packed]] = {4: [], 16: []}
        self._ends: dict[int, list[Packed]] = {4: [], 16: []}
        for version in (4, 6):
            same = [network for network in networks if network.version == version]
            for network in ipaddress.collapse_addresses(same):  # type: ignore[type-var]
                start = network.network_address.packed
                self._starts[len(start)].append(start)
                self._ends[len(start)].append(network.broadcast_address.packed)

    def __contains__(self, address: Packed) -> bool:
        at = bisect_right(self._starts[len(address)], address) - 1
        return at >= 0 and address <= self._ends[len(address)][at]


def client_address(headers: Mapping[str, object], trusted_proxies: Sequence[Network]) -> str:
    """Return the visitor's address in its normal form, empty text where there is none.

    `headers` is a WSGI environment. Without `trusted_proxies` that is the peer. With them,
    X-Forwarded-For is walked from the right while the hop is a trusted proxy, so that nobody can
    choose an address by sending the header. Where a hop cannot be read, the one before is the last.
    """
    address = pack_address(str(headers.get("REMOTE_ADDR", "")))
    if address is None:
        return ""
    if trusted_proxies:
        trusted = _ranges_of(trusted_proxies)
        hops = str(headers.get("HTTP_X_FORWARDED_FOR", ""))
        for _ in range(_MAX_HOPS):
            if not hops or address not in trusted:
                break
            hops, _, last = hops.rpartition(",")
            hop = pack_address(last)
            if hop is None:
                break
            address = hop
    return _write_address(address)


def is_trusted_peer(headers: Mapping[str, object], trusted_proxies: Sequence[Network]) -> bool:
    """Whether the request came straight from a trusted proxy, whose headers may be believed."""
    if not trusted_proxies:
        return False
    peer = pack_address(str(headers.get("REMOTE_ADDR", "")))
    return peer is not None and peer in _ranges_of(trusted_proxies)


def first_forwarded(text: str) -> str:
    """Return the leftmost address of an X-Forwarded-For, empty text where it holds none.

    Only for a sender who may name the visitor's address: anybody else could choose it.
    """
    for hop in text.split(",", _MAX_HOPS)[:_MAX_HOPS]:
        address = pack_address(hop)
        if address is not None:
            return _write_address(address)
    return ""


def is_private(address: str) -> bool:
    """Whether no visitor on the internet has this address; false for what is no address.

    Private, loopback, link-local and unique local networks, and those between a provider and its
    customers.
    """
    packed = pack_address(address)
    return packed is not None and packed in _PRIVATE


def visitor_network(address: str) -> Packed | None:
    """Return the network of a visitor on the internet: an IPv4 address, the /64 of one of IPv6.

    One home, or one machine, has all the addresses of a /64. None where `is_private` is true, and
    for what is no address.
    """
    packed = pack_address(address)
    if packed is None or packed in _PRIVATE:
        return None
    return packed if len(packed) == 4 else packed[:8]


def normalise_address(text: str) -> str:
    """Return the address that `text` holds, with or without a port, in its normal form; else ""."""
    address = pack_address(text)
    return "" if address is None else _write_address(address)


def shorten_address(address: str) -> str:
    """Return the address of its network: the last byte of IPv4, the last 80 bits of IPv6 are 0."""
    version = ipaddress.ip_address(address).version
    network = ipaddress.ip_network(f"{address}/{24 if version == 4 else 48}", strict=False)
    return str(network.network_address)


def pack_address(text: str) -> Packed | None:
    """Return the address in `203.0.113.7`, `203.0.113.7:4711`, `[2001:db8::1]:4711`; else None.

    One of IPv4 that is written as IPv6, `::ffff:203.0.113.7`, is one of IPv4.
    """
    if len(text) > _MAX_ADDRESS:
        return None
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        if ":" not in text:
            return socket.inet_pton(socket.AF_INET, text)
        packed = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):  # the latter for NUL and lone surrogates
        return None
    return packed[12:] if packed.startswith(_MAPPED) else packed


def _ranges_of(networks: Sequence[Network]) -> AddressRanges:
    """Return the networks laid out; made once, as long as the same sequence is asked for.

    A setting is one object from the start to the end of a process, and is not changed in place.
    """
    global _latest  # replaced as a whole, so that threads need no lock
    known, ranges = _latest
    if known is not networks:
        ranges = AddressRanges(networks)
        _latest = (networks, ranges)
    return ranges


def _write_address(packed: Packed) -> str:
    """Return the address in its one normal form."""
    if len(packed) == 4:
        return socket.inet_ntop(socket.AF_INET, packed)
    text = socket.inet_ntop(socket.AF_INET6, packed)
    # The system's form of these is not that of RFC 5952, which the database's column expects.
    return str(ipaddress.IPv6Address(packed)) if "." in text else text


_PRIVATE: Final = AddressRanges([ipaddress.ip_network(text) for text in PRIVATE + CARRIER])
_latest: tuple[Sequence[Network], AddressRanges] = ((), AddressRanges(()))
