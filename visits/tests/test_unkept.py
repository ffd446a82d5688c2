"""What a site does not keep of its hits, though they bring it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sites.models import Exclusion, Site
from visits.ingestion.hit import Drop, DropReason, Place
from visits.ingestion.pipeline import ingest
from visits.ingestion.unkept import without_unkept
from visits.models import Event, Visit
from visits.tests.hits import make_hit

BERLIN = Place(country="DE", region="Berlin", city="Berlin")
HIT: dict[str, Any] = {
    "timezone": "Europe/Berlin",
    "language": "de-DE",
    "screen_width": 1280,
    "props": {"plan": "pro"},
    "revenue_amount": Decimal("9.5"),
    "revenue_currency": "EUR",
}


def stored(site: Site, **settings: Any) -> tuple[Visit, Event]:
    """Return what is stored of the hit above on a site with these settings."""
    Site.objects.filter(pk=site.pk).update(**settings)
    ingest([make_hit(**HIT)])
    return Visit.objects.get(), Event.objects.get()


def test_by_default_all_of_it_is_kept(site: Site) -> None:
    visit, event = stored(site)

    assert (visit.country, visit.language, visit.screen_width) == ("DE", "de-DE", 1280)
    assert event.props == {"plan": "pro"}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"place_kept": "country"}, ("DE", "de-DE", 1280, {"plan": "pro"})),
        ({"place_kept": "none"}, ("", "de-DE", 1280, {"plan": "pro"})),
        ({"keeps_language": False}, ("DE", "", 1280, {"plan": "pro"})),
        ({"keeps_screen": False}, ("DE", "de-DE", None, {"plan": "pro"})),
        ({"keeps_properties": False}, ("DE", "de-DE", 1280, {})),
    ],
)
def test_what_is_switched_off_is_not_stored(
    setting: dict[str, Any], expected: tuple[Any, ...], site: Site
) -> None:
    visit, event = stored(site, **setting)

    assert (visit.country, visit.language, visit.screen_width, event.props) == expected
    assert (event.revenue_amount, event.revenue_currency) == (Decimal("9.5"), "EUR")


@pytest.mark.parametrize(
    ("kept", "place"),
    [("city", BERLIN), ("country", Place(country="DE")), ("none", Place())],
)
def test_places(kept: str, place: Place, site: Site) -> None:
    site.place_kept = kept

    assert without_unkept(make_hit(site=site).put(place=BERLIN)).place == place


def test_a_country_that_is_not_kept_is_left_out_all_the_same(site: Site) -> None:
    exclusion = Exclusion.objects.create(site=site, kind=Exclusion.Kind.COUNTRY, value="DE")
    Site.objects.filter(pk=site.pk).update(place_kept="none")

    (verdict,) = ingest([make_hit(**HIT)])

    assert verdict == Drop(DropReason.EXCLUDED, exclusion.pk)
