"""A visitor's place: a trusted proxy's word, the file's by address, the time zone's, in order."""

from __future__ import annotations

import ipaddress
import zoneinfo
from pathlib import Path

import pytest
from pytest_django import Settings

from visits.ingestion.addresses import Network
from visits.ingestion.hit import Hit, Place
from visits.ingestion.pipeline import put_place
from visits.ingestion.places import country_header, country_names, country_of_zone, read_place
from visits.tests.hits import make_hit
from visits.tests.mmdb import city_record, write_mmdb

PROXIES: list[Network] = [ipaddress.ip_network("10.0.0.0/8")]
BERLIN = Place(country="DE", region="Land Berlin", city="Berlin")


@pytest.mark.parametrize(
    ("timezone", "country"),
    [
        ("Europe/Berlin", "DE"),
        ("Europe/London", "GB"),
        ("America/New_York", "US"),
        ("America/Argentina/Buenos_Aires", "AR"),
        ("Pacific/Auckland", "NZ"),
        ("Africa/Nairobi", "KE"),
        # Names that the tz database has replaced and browsers still send.
        ("Asia/Kolkata", "IN"),
        ("Asia/Calcutta", "IN"),
        ("Asia/Ho_Chi_Minh", "VN"),
        ("Asia/Saigon", "VN"),
        ("Europe/Kyiv", "UA"),
        ("Europe/Kiev", "UA"),
        ("America/Buenos_Aires", "AR"),
        ("US/Pacific", "US"),
        # Zones that two countries share keep their own country.
        ("Europe/Amsterdam", "NL"),
        ("Europe/Oslo", "NO"),
        ("Africa/Kampala", "UG"),
        # Zones of no country, and what is no zone.
        ("UTC", ""),
        ("Etc/UTC", ""),
        ("GMT", ""),
        ("Etc/GMT+5", ""),
        ("europe/berlin", ""),
        ("Europe/Atlantis", ""),
        ("", ""),
    ],
)
def test_a_zone_names_its_country(timezone: str, country: str) -> None:
    assert country_of_zone(timezone) == country


def test_every_country_that_a_zone_names_has_a_name_to_show() -> None:
    named = {country_of_zone(zone) for zone in zoneinfo.available_timezones()} - {""}

    assert len(named) > 240
    assert named <= country_names().keys()
    assert country_names()["DE"] == "Germany"
    assert country_names()["XK"] == "Kosovo"


@pytest.fixture
def geoip_file(settings: Settings, tmp_path: Path) -> Path:
    """A file that knows Berlin, a country that is none, and nothing else."""
    records = {
        "203.0.113.0/24": city_record("DE", "Land Berlin", "Berlin"),
        "198.51.100.0/24": city_record("ZZ", "Nowhere", "Nowhere"),
        "192.0.2.0/24": {"continent": {"code": "EU"}},
    }
    path = write_mmdb(tmp_path / "geoip.mmdb", records)
    settings.GEOIP_FILE = path
    return path


@pytest.mark.parametrize(
    ("address", "timezone", "cdn_country", "place"),
    [
        # The file's word goes before the time zone's.
        ("203.0.113.7", "", "", BERLIN),
        ("203.0.113.7", "America/New_York", "", BERLIN),
        # What the file does not know, the time zone may.
        ("203.0.114.7", "America/New_York", "", Place(country="US")),
        ("192.0.2.7", "America/New_York", "", Place(country="US")),
        ("198.51.100.7", "America/New_York", "", Place(country="US")),
        ("", "America/New_York", "", Place(country="US")),
        ("203.0.114.7", "", "", Place()),
        # A proxy's word goes before both; the file adds to it where it agrees.
        ("203.0.113.7", "America/New_York", "DE", BERLIN),
        ("203.0.113.7", "America/New_York", "FR", Place(country="FR")),
        ("203.0.114.7", "America/New_York", "FR", Place(country="FR")),
        ("198.51.100.7", "America/New_York", "FR", Place(country="FR")),
    ],
)
def test_the_first_that_knows_a_country_decides_it(
    geoip_file: Path, address: str, timezone: str, cdn_country: str, place: Place
) -> None:
    assert read_place(address=address, timezone=timezone, cdn_country=cdn_country) == place


def test_without_a_file_the_time_zone_decides(settings: Settings, tmp_path: Path) -> None:
    settings.GEOIP_FILE = tmp_path / "none.mmdb"

    place = read_place(address="203.0.113.7", timezone="Europe/Berlin")

    assert place == Place(country="DE")


def test_a_damaged_file_leaves_it_to_the_time_zone(
    geoip_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    geoip_file.write_bytes(b"no database")

    place = read_place(address="203.0.113.7", timezone="Europe/Vienna")

    assert place == Place(country="AT")
    assert "cannot be used" in caplog.text


def test_a_hit_is_given_its_place(geoip_file: Path) -> None:
    hit = put_place(make_hit(address="203.0.113.7", timezone="America/New_York"))

    assert isinstance(hit, Hit)
    assert hit.place == BERLIN


@pytest.mark.parametrize(
    ("peer", "value", "country"),
    [
        ("10.0.0.1", "DE", "DE"),
        ("10.0.0.1", " de ", "DE"),
        ("10.0.0.1:4711", "GB", "GB"),
        ("::ffff:10.0.0.1", "XK", "XK"),
        # What proxies send for unknown and Tor, and what is no country.
        ("10.0.0.1", "XX", ""),
        ("10.0.0.1", "T1", ""),
        ("10.0.0.1", "UK", ""),
        ("10.0.0.1", "EU", ""),
        ("10.0.0.1", "ZZ", ""),
        ("10.0.0.1", "DEU", ""),
        ("10.0.0.1", "Germany", ""),
        ("10.0.0.1", "DE,US", ""),
        ("10.0.0.1", "DE, DE", ""),
        ("10.0.0.1", "", ""),
        ("10.0.0.1", "D\x00", ""),
        ("10.0.0.1", "\udcff", ""),
        ("10.0.0.1", "D" * 10_000, ""),
        # Whoever is no trusted proxy chose the value.
        ("203.0.113.7", "DE", ""),
        ("127.0.0.1", "DE", ""),
        ("", "DE", ""),
        ("garbage", "DE", ""),
    ],
)
def test_a_trusted_proxy_tells_the_country(peer: str, value: str, country: str) -> None:
    headers = {"REMOTE_ADDR": peer, "HTTP_CF_IPCOUNTRY": value}

    assert country_header(headers, PROXIES, "CF-IPCountry") == country


def test_a_proxy_behind_a_trusted_one_is_not_asked() -> None:
    """The header is the peer's own: what a hop before it sent is of that hop's choosing."""
    headers = {
        "REMOTE_ADDR": "203.0.113.7",
        "HTTP_X_FORWARDED_FOR": "10.0.0.1",
        "HTTP_CF_IPCOUNTRY": "DE",
    }

    assert country_header(headers, PROXIES, "CF-IPCountry") == ""


def test_no_header_is_believed_that_no_setting_names() -> None:
    headers = {"REMOTE_ADDR": "10.0.0.1", "HTTP_CF_IPCOUNTRY": "DE", "HTTP_": "DE"}

    assert country_header(headers, PROXIES, "") == ""
    assert country_header(headers, PROXIES, "X-Country") == ""
    assert country_header(headers, [], "CF-IPCountry") == ""
    assert country_header({"REMOTE_ADDR": "10.0.0.1"}, PROXIES, "CF-IPCountry") == ""
