"""Countries on the overview's map: which, how strong, and what a click does."""

from __future__ import annotations

import pytest
from django.test import Client

from reports.dimensions import COUNTRY
from reports.map import mark_places
from reports.metrics import VISITORS
from reports.tables import Table, TableRow
from reports.tests.histories import view
from reports.tests.pages import KINDS, Page
from sites.models import Site
from visits.tests.hits import NOON


def row(code: str, percent: float) -> TableRow:
    return TableRow(code, f"Land {code}", f"?f={code}", percent, "", [f"{percent:g}"])


def test_colours_go_by_the_root_of_how_many_there_are() -> None:
    rows = [row("DE", 80), row("FR", 20), row("", 10), row("<s", 5), row("IT", 0.1), row("ES", 0)]

    places = mark_places(Table(COUNTRY, (VISITORS,), rows, 5))

    assert [(place.code, place.strength) for place in places] == [
        ("DE", 6),
        ("FR", 3),
        ("IT", 1),
        ("ES", 1),
    ]
    assert places[0].text == "Land DE: 80 visitors"
    assert places[0].url == "?f=DE"
    assert mark_places(Table(COUNTRY, (VISITORS,), [], 0)) == []


def mapped(page: Page) -> dict[str, str]:
    """Return the countries of a page's map, by their codes where their links lead."""
    links = [one.attributes for one in page.elements if one.tag == "a"]
    found = [one["href"] for one in links if "visitors" in one.get("aria-label", "")]
    uses = [one.attributes for one in page.elements if one.tag == "use"]
    codes = [one["href"][-2:] for one in uses if one["class"] != "land"]
    return dict(zip(codes, found, strict=True))


@pytest.mark.parametrize(
    ("query", "codes", "rows"),
    [
        ("", "AT BE CH DE DK FR IT", 5),
        ("&f=is_not,country,DE", "AT BE CH DK FR IT", 5),
        ("&places=city", "", 0),
        ("&f=is,country,DE", "", 0),
    ],
)
def test_every_country_is_on_the_map_and_five_below(
    query: str, codes: str, rows: int, site: Site, member: Client
) -> None:
    for visitor, country in enumerate(["AT", "BE", "CH", "DE", "DK", "FR", "IT"]):
        view(site, NOON, visitor=visitor, country=country)

    page = Page.of(member.get(f"{KINDS['overview']}?period=day{query}"))

    found = mapped(page)
    assert sorted(found) == codes.split()
    for code, url in found.items():
        assert url.endswith(f"f=is,country,{code}")
    if rows:
        assert len(page.table("Country")) == rows
