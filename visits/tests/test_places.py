"""A browser's time zone names a country, under its old names too."""

from __future__ import annotations

import zoneinfo

import pytest

from visits.ingestion.hit import Place
from visits.ingestion.places import country_names, read_place


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
    assert read_place(timezone) == Place(country=country)


def test_every_country_that_a_zone_names_has_a_name_to_show() -> None:
    named = {read_place(zone).country for zone in zoneinfo.available_timezones()} - {""}

    assert len(named) > 240
    assert named <= country_names().keys()
    assert country_names()["DE"] == "Germany"
