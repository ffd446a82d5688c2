"""The client's address: one function, used wherever an address matters."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(headers: Mapping[str, object], trusted_proxies: Sequence[Network]) -> str:
    """Return the visitor's address in its normal form, empty text where there is none.

    `headers` is a WSGI environment. Without `trusted_proxies` that is the peer. With them,
    X-Forwarded-For is walked from the right while the hop is a trusted proxy, so that nobody can
    choose an address by sending the header.
    """
    peer = _read_address(str(headers.get("REMOTE_ADDR", "")))
    hops = str(headers.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    address = peer
    while address is not None and hops and _is_trusted(address, trusted_proxies):
        hop = _read_address(hops.pop())
        if hop is None:
            break
        address = hop
    return "" if address is None else str(address)


def shorten_address(address: str) -> str:
    """Return the address of its network: the last byte of IPv4, the last 80 bits of IPv6 are 0."""
    version = ipaddress.ip_address(address).version
    network = ipaddress.ip_network(f"{address}/{24 if version == 4 else 48}", strict=False)
    return str(network.network_address)


def _is_trusted(address: Address, trusted_proxies: Sequence[Network]) -> bool:
    return any(address in network for network in trusted_proxies)


def _read_address(text: str) -> Address | None:
    """Return the address in `203.0.113.7`, `203.0.113.7:4711`, `[2001:db8::1]:4711`; else None."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
