"""The file of places: what is read of a record, and what becomes of a file that changes."""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from trackingsite.tests.shared import shared_folder
from visits.ingestion.geoip import (
    LOOK_AGAIN_SECONDS,
    GeoipError,
    GeoipFile,
    open_geoip,
    read_record,
)
from visits.ingestion.hit import Place
from visits.tests.mmdb import city_record, write_mmdb

BERLIN = city_record("DE", "Land Berlin", "Berlin")
TOKYO = city_record("JP", "Tokyo", "Tokyo")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_mmdb(
        tmp_path / "geoip.mmdb",
        {"203.0.113.0/24": BERLIN, "2001:db8::/32": TOKYO, "198.51.100.0/24": city_record("US")},
    )


@pytest.mark.parametrize(
    ("record", "place"),
    [
        (BERLIN, Place(country="DE", region="Land Berlin", city="Berlin")),
        (city_record("US"), Place(country="US")),
        (city_record("MC", city="Monaco"), Place(country="MC", city="Monaco")),
        # The first region is the largest; others lie in it.
        (
            {
                "country": {"iso_code": "GB"},
                "subdivisions": [
                    {"iso_code": "ENG", "names": {"en": "England", "de": "England"}},
                    {"iso_code": "WBK", "names": {"en": "West Berkshire"}},
                ],
            },
            Place(country="GB", region="England"),
        ),
        # Where the network is registered, or whose soldiers use it, is not where the visitor is.
        ({"registered_country": {"iso_code": "US"}}, Place()),
        ({"represented_country": {"iso_code": "US"}}, Place()),
        ({"continent": {"code": "EU"}}, Place()),
        # No English name, no name: one language in a report.
        ({"country": {"iso_code": "DE"}, "city": {"names": {"de": "Köln"}}}, Place(country="DE")),
        # As long as the columns, and clean.
        (
            city_record("DE", "r" * 300, "c" * 300),
            Place(country="DE", region="r" * 100, city="c" * 100),
        ),
        (city_record("PL", city="  Ło\u0301dz\x00\u202e "), Place(country="PL", city="Łódz")),
        # What has another shape.
        (None, Place()),
        ({}, Place()),
        ("DE", Place()),
        ([], Place()),
        ({"country": "DE"}, Place()),
        ({"country": {"iso_code": 49}}, Place()),
        ({"country": {"iso_code": "DE"}, "subdivisions": []}, Place(country="DE")),
        (
            {"country": {"iso_code": "DE"}, "subdivisions": {"names": {"en": "x"}}},
            Place(country="DE"),
        ),
        ({"country": {"iso_code": "DE"}, "subdivisions": [None]}, Place(country="DE")),
        ({"country": {"iso_code": "DE"}, "city": {"names": ["Bonn"]}}, Place(country="DE")),
    ],
)
def test_reads_a_record(record: object, place: Place) -> None:
    assert read_record(record) == place


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.0", Place(country="DE", region="Land Berlin", city="Berlin")),
        ("203.0.113.255", Place(country="DE", region="Land Berlin", city="Berlin")),
        ("203.0.114.0", Place()),
        ("2001:db8::1", Place(country="JP", region="Tokyo", city="Tokyo")),
        ("2001:db9::1", Place()),
        ("198.51.100.1", Place(country="US")),
        ("", Place()),
        ("nonsense", Place()),
    ],
)
def test_finds_the_place_of_an_address(path: Path, address: str, place: Place) -> None:
    assert GeoipFile(path).find(address) == place


def test_a_file_of_ipv4_knows_no_place_of_ipv6(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = GeoipFile(write_mmdb(tmp_path / "4.mmdb", {"203.0.113.0/24": BERLIN}, ip_version=4))

    assert file.find("203.0.113.7").country == "DE"
    assert file.find("2001:db8::1") == Place()
    assert caplog.records == []


def test_no_address_is_remembered(path: Path) -> None:
    """Two addresses of one record take one entry: it is the record's."""
    reader = open_geoip(path)

    for last in range(1, 200):
        reader.find_place(f"203.0.113.{last}")

    assert reader._place_of.cache_info().currsize == 1


def test_a_file_that_appears_is_used(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "geoip.mmdb"
    file = GeoipFile(path, clock=clock)
    assert file.find("203.0.113.7") == Place()

    write_mmdb(path, {"203.0.113.0/24": BERLIN})
    assert file.find("203.0.113.7") == Place()

    clock.now += LOOK_AGAIN_SECONDS
    assert file.find("203.0.113.7").city == "Berlin"


def test_a_file_that_is_replaced_is_used_within_seconds(path: Path, clock: Clock) -> None:
    file = GeoipFile(path, clock=clock)
    assert file.find("203.0.113.7").city == "Berlin"

    os.replace(write_mmdb(path.with_name("new"), {"203.0.113.0/24": TOKYO}), path)
    # Until it is looked at again the old one is read, although it has no name any more.
    assert file.find("203.0.113.7").city == "Berlin"
    assert file.find("203.0.113.99").city == "Berlin"

    clock.now += LOOK_AGAIN_SECONDS
    assert file.find("203.0.113.7").city == "Tokyo"


def test_a_file_that_is_removed_is_no_longer_used(path: Path, clock: Clock) -> None:
    file = GeoipFile(path, clock=clock)
    assert file.find("203.0.113.7").city == "Berlin"

    path.unlink()
    clock.now += LOOK_AGAIN_SECONDS

    assert file.find("203.0.113.7") == Place()


def test_an_unchanged_file_is_opened_once(path: Path, clock: Clock) -> None:
    file = GeoipFile(path, clock=clock)
    file.find("203.0.113.7")
    reader = file._reader

    for _ in range(3):
        clock.now += LOOK_AGAIN_SECONDS
        file.find("203.0.113.7")

    assert file._reader is reader


def test_a_damaged_file_is_told_once_and_the_next_one_used(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    file = GeoipFile(path, clock=clock)
    path.write_bytes(b"no database")

    for _ in range(3):
        assert file.find("203.0.113.7") == Place()
        clock.now += LOOK_AGAIN_SECONDS

    assert [record.getMessage() for record in caplog.records] == [
        f"{path} cannot be used: It is no file in MaxMind's format, or a damaged one. "
        "Places come from time zones; `manage.py update_geoip` fetches a new file."
    ]

    write_mmdb(path, {"203.0.113.0/24": BERLIN})
    clock.now += LOOK_AGAIN_SECONDS
    assert file.find("203.0.113.7").city == "Berlin"


def test_a_damaged_record_is_told_once_without_the_address(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = path.read_bytes()
    # The text of the region is longer than the file.
    path.write_bytes(whole.replace(b"\x4bLand Berlin", b"\x5fLand Berlin"))
    file = GeoipFile(path)

    assert [file.find(f"203.0.113.{last}") for last in (7, 8, 9)] == [Place()] * 3
    assert file.find("198.51.100.1") == Place(country="US")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "has a record that cannot be read" in caplog.text
    assert "203.0.113" not in caplog.text


def test_random_damage_never_raises(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    whole = path.read_bytes()
    chance = random.Random(1)
    opened = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 3, 30))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if chance.random() < 0.2:
            damaged = damaged[: chance.randrange(len(damaged))]
        path.with_name("new").write_bytes(damaged)
        os.replace(path.with_name("new"), path)
        file = GeoipFile(path)
        for address in ("203.0.113.7", "2001:db8::1", "198.51.100.1", "1.2.3.4"):
            assert isinstance(file.find(address), Place)
        opened += file._reader is not None

    assert 20 < opened < 380  # both kinds of damage were met


def test_threads_share_a_file_that_is_replaced_under_them(path: Path) -> None:
    """Every answer is that of one file or of the other; nobody meets a closed one."""
    clock = Clock()
    file = GeoipFile(path, clock=clock)
    chance = random.Random(1)
    seen: set[str] = set()
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            seen.add(file.find("203.0.113.7").city)

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        deadline = time.monotonic() + 20
        replaced = 0
        while (len(seen) < 2 or replaced < 50) and time.monotonic() < deadline:
            record = {"203.0.113.0/24": chance.choice((TOKYO, BERLIN))}
            os.replace(write_mmdb(path.with_name("new"), record), path)
            clock.now += LOOK_AGAIN_SECONDS
            replaced += 1
        done.set()
        for answer in asking:
            answer.result(timeout=10)

    assert replaced >= 50
    assert seen == {"Berlin", "Tokyo"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory."),
        (b"", "It is no file in MaxMind's format, or a damaged one."),
        (b"x" * 1000, "It is no file in MaxMind's format, or a damaged one."),
        (b"<html>404</html>", "It is no file in MaxMind's format, or a damaged one."),
    ],
)
def test_refuses_what_is_no_file_of_places(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "geoip.mmdb"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(GeoipError) as refusal:
        open_geoip(path)
    assert str(refusal.value) == reason


def test_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(GeoipError, match=r"Is a directory\."):
        open_geoip(tmp_path)


def test_refuses_a_file_of_networks(tmp_path: Path) -> None:
    networks = {"203.0.113.0/24": {"autonomous_system_number": 64496}}
    path = write_mmdb(tmp_path / "asn.mmdb", networks, database_type="GeoLite2-ASN")

    with pytest.raises(GeoipError, match=r"It holds no countries but GeoLite2-ASN\."):
        open_geoip(path)


@pytest.mark.parametrize(
    ("name", "networks"),
    [("GeoIP2-City-Test", 240), ("GeoLite2-City-Test", 230), ("GeoIP2-Country-Test", 330)],
)
def test_agrees_with_the_records_that_maxmind_expects(name: str, networks: int) -> None:
    folder = shared_folder("maxmind")
    file = GeoipFile(folder / f"{name}.mmdb")
    # Some networks stand twice in the list; the file was made from the last.
    expected = dict(_expected_places(json.loads((folder / f"{name}.json").read_text())))

    found = {address: file.find(address) for address in expected}

    assert found == expected
    assert len(expected) > networks
    assert {":" in address for address in expected} == {True, False}
    assert sum(bool(place.country) for place in expected.values()) > networks * 0.9


@pytest.mark.parametrize(
    "name",
    [
        "GeoIP2-City-Test",
        "GeoLite2-City-Test",
        "GeoIP2-Country-Test",
        "GeoLite2-Country-Test",
    ],
)
def test_agrees_with_the_library_on_every_network_of_a_file(name: str) -> None:
    reader = open_geoip(shared_folder("maxmind") / f"{name}.mmdb")
    networks = list(reader)

    assert len(networks) > 200
    for network, record in networks:
        for address in (network[0], network[-1]):
            assert reader.find_place(str(address)) == _expected_place(record), network


@pytest.mark.parametrize("name", ["GeoLite2-ASN-Test", "GeoIP2-Anonymous-IP-Test"])
def test_refuses_maxminds_files_of_other_things(name: str) -> None:
    with pytest.raises(GeoipError, match="It holds no countries but Geo"):
        open_geoip(shared_folder("maxmind") / f"{name}.mmdb")


def _expected_places(listed: list[dict[str, Any]]) -> Iterator[tuple[str, Place]]:
    """The first address of each network of the list, and the place in its record."""
    for entry in listed:
        for text, record in entry.items():
            address = ipaddress.ip_address(text.partition("/")[0])
            # The list writes some networks of IPv4 as ::203.0.113.0/120.
            if isinstance(address, ipaddress.IPv6Address) and int(address) < 2**32:
                address = ipaddress.IPv4Address(int(address))
            yield str(address), _expected_place(record)


def _expected_place(record: Any) -> Place:
    """The place in a record, read without the code under test."""
    regions = record.get("subdivisions", [{}])
    return Place(
        country=record.get("country", {}).get("iso_code", ""),
        region=regions[0].get("names", {}).get("en", ""),
        city=record.get("city", {}).get("names", {}).get("en", ""),
    )
