"""What a hit brings and its site does not keep: taken away before anything is stored."""

from __future__ import annotations

from typing import Any

from sites.models import Site
from visits.ingestion.hit import Hit, Place


def without_unkept(hit: Hit) -> Hit:
    """Return the hit without what its site does not keep; amounts of money are no properties."""
    site = hit.known_site
    sent: dict[str, Any] = {}
    if not site.keeps_language:
        sent["language"] = ""
    if not site.keeps_screen:
        sent["screen_width"] = None
    if not site.keeps_properties:
        sent["props"] = {}
    return hit.put(sent=hit.sent.put(**sent), place=_kept_place(site, hit.place))


def _kept_place(site: Site, place: Place) -> Place:
    match site.place_kept:
        case Site.PlaceKept.CITY:
            return place
        case Site.PlaceKept.COUNTRY:
            return Place(country=place.country)
    return Place()
