"""Writes small files of places, in MaxMind's format of version 2.0, of records that a test names.

A tree over the bits of addresses, a record's number where a network ends; the records; and what
describes both. IPv4 stands at ::/96.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_MARKER: Final = b"\xab\xcd\xefMaxMind.com"
_TEXT, _MAP, _UINT64, _ARRAY = 2, 7, 9, 11


def city_record(country: str, region: str = "", city: str = "") -> dict[str, Any]:
    """Return a record as files of cities have it; what is empty is left out."""
    record: dict[str, Any] = {"country": {"iso_code": country}} if country else {}
    if region:
        record["subdivisions"] = [{"names": {"en": region}}]
    if city:
        record["city"] = {"names": {"en": city}}
    return record


def write_mmdb(
    path: Path,
    records: Mapping[str, object],
    *,
    database_type: str = "Test-City",
    ip_version: int = 6,
    built_at: int = 1_772_323_200,  # 2026-03-01
) -> Path:
    """Write a file that has these records by their networks; return its path."""
    data = b""
    nodes: list[list[int | None]] = [[None, None]]
    offsets: list[int] = []
    for text, record in records.items():
        _add_network(nodes, _bits(text, ip_version), len(offsets))
        offsets.append(len(data))
        data += _encode(record)
    tree = b"".join(
        _node(side, len(nodes), offsets).to_bytes(3, "big") for node in nodes for side in node
    )
    described = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": built_at,
        "database_type": database_type,
        "description": {"en": "For tests"},
        "ip_version": ip_version,
        "languages": ["en"],
        "node_count": len(nodes),
        "record_size": 24,
    }
    path.write_bytes(tree + bytes(16) + data + _MARKER + _encode(described))
    return path


def _bits(text: str, ip_version: int) -> str:
    network = ipaddress.ip_network(text)
    bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
    return "0" * 96 + bits if ip_version == 6 and network.version == 4 else bits


def _add_network(nodes: list[list[int | None]], bits: str, number: int) -> None:
    """Lead the bits to the record; records are the negative numbers, nodes the others."""
    at = 0
    for bit in bits[:-1]:
        following = nodes[at][int(bit)]
        if following is None:
            nodes.append([None, None])
            following = nodes[at][int(bit)] = len(nodes) - 1
        assert following >= 0, "a network inside another"
        at = following
    nodes[at][int(bits[-1])] = -1 - number


def _node(side: int | None, node_count: int, offsets: list[int]) -> int:
    if side is None:
        return node_count
    return side if side >= 0 else node_count + 16 + offsets[-1 - side]


def _encode(value: object) -> bytes:
    match value:
        case str():
            text = value.encode("utf-8", "surrogatepass")
            return _head(_TEXT, len(text)) + text
        case int():
            return _head(_UINT64, 8) + struct.pack(">Q", value)
        case dict():
            pairs = b"".join(_encode(part) for pair in value.items() for part in pair)
            return _head(_MAP, len(value)) + pairs
        case list():
            return _head(_ARRAY, len(value)) + b"".join(_encode(part) for part in value)
    raise TypeError(value)


def _head(kind: int, size: int) -> bytes:
    short, more = (size, b"")
    if size >= 285:
        short, more = 30, (size - 285).to_bytes(2, "big")
    elif size >= 29:
        short, more = 29, bytes([size - 29])
    if kind > 7:
        return bytes([short, kind - 7]) + more
    return bytes([kind << 5 | short]) + more
