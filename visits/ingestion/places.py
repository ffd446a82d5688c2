"""The country of a visitor, from the browser's time zone."""

from __future__ import annotations

import importlib.resources
from functools import cache

from visits.ingestion.hit import Place


def read_place(timezone: str) -> Place:
    """Return the country whose clocks the browser shows; empty where the zone names none.

    A visitor on a journey is counted where the device's clock is set. UTC and zones such as
    Etc/GMT+5 belong to no country.
    """
    return Place(country=_country_by_zone().get(timezone, ""))


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
    """English names by ISO 3166-1 alpha-2 code, as the package tzdata brings them."""
    folder = importlib.resources.files("tzdata") / "zoneinfo"
    lines = (folder / "iso3166.tab").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines if not line.startswith("#"))
