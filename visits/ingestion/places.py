"""Where a visitor is: as a proxy tells, by the address, or by the browser's time zone."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

from django.conf import settings

from visits.ingestion.addresses import Network, is_trusted_peer
from visits.ingestion.geoip import geoip_file
from visits.ingestion.hit import Place


def read_place(*, address: str, timezone: str, cdn_country: str = "") -> Place:
    """Return where the visitor is, each part empty where it is not known.

    The first that knows a country decides it: `cdn_country`, as `country_header` returns it; the
    file GEOIP_FILE, by the address; the time zone that the browser shows. Region and city are the
    file's, and are left out where the country is not the one that the file gives.
    """
    found = geoip_file(settings.GEOIP_FILE).find(address)
    if cdn_country:
        return found if found.country == cdn_country else Place(country=cdn_country)
    # Files and proxies have codes of their own for what is no country.
    if found.country in country_names():
        return found
    return _place_of_zone(timezone)


def country_header(
    headers: Mapping[str, object], trusted_proxies: Sequence[Network], name: str
) -> str:
    """Return the country that a trusted proxy tells in the header `name`, else empty text.

    `headers` is a WSGI environment. The peer itself has to be a trusted proxy: a header that
    anybody else sends is of their choosing. Values that are no country, such as XX for unknown and
    T1 for Tor, count as none.
    """
    value = str(headers.get(f"HTTP_{name.upper().replace('-', '_')}", "")) if name else ""
    country = value.strip().upper()
    if country in country_names() and is_trusted_peer(headers, trusted_proxies):
        return country
    return ""


def country_of_zone(timezone: str) -> str:
    """Return the country whose clocks the browser shows; empty where the zone names none.

    A visitor on a journey is counted where the device's clock is set. UTC and zones such as
    Etc/GMT+5 belong to no country.
    """
    return _country_by_zone().get(timezone, "")


# Zones are a few hundred; what else is sent as one has a bound.
@lru_cache(maxsize=1_000)
def _place_of_zone(timezone: str) -> Place:
    return Place(country=country_of_zone(timezone))


@cache
def _country_by_zone() -> dict[str, str]:
    """Country (ISO 3166-1 alpha-2) by time zone, old names of zones included.

    Source: zone.tab (a zone's country) and tzdata.zi (an old name's zone) of the tz database, as
    the package tzdata brings them.
    """
    folder = importlib.resources.files("tzdata") / "zoneinfo"
    countries: dict[str, str] = {}
    for line in (folder / "zone.tab").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            countries[zone] = country
    links = []
    for line in (folder / "tzdata.zi").read_text(encoding="utf-8").splitlines():
        if line.startswith("L "):
            _, target, name = line.split()
            links.append((target, name))
    # Twice, since a link may lead to another link.
    for target, name in links * 2:
        if target in countries:
            countries.setdefault(name, countries[target])
    return countries


@cache
def country_names() -> dict[str, str]:
    """English names by ISO 3166-1 alpha-2 code, as the package tzdata brings them, and Kosovo's.

    ISO has no code for Kosovo but leaves XK to whoever needs one, as MaxMind, DB-IP and CDNs do.
    """
    folder = importlib.resources.files("tzdata") / "zoneinfo"
    lines = (folder / "iso3166.tab").read_text(encoding="utf-8").splitlines()
    names = dict(line.split("\t", 1) for line in lines if not line.startswith("#"))
    return names | {"XK": "Kosovo"}
