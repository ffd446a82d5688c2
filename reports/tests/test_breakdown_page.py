"""The page of a breakdown: searched and sorted by its address, a hundred rows at a time."""

from __future__ import annotations

import pytest
from django.test import Client

from reports.tests.pages import Page
from sites.models import Site
from visits.services import add_event, add_visit
from visits.tests.hits import MINUTE, NOON

SOURCES = "/reports/example.com/visitors/source/"
PAGES = "/reports/example.com/pageviews/page/"
COUNTRIES = "/reports/example.com/visitors/country/"


@pytest.fixture
def visits(site: Site, at_noon: None) -> None:
    """By source: two of Bing with one page each, one of Google with two, one of google.dev."""
    sources = ("Bing", "Bing", "Google", "google.dev")
    for visitor, (source, country) in enumerate(zip(sources, ("DE", "FR", "DE", ""), strict=True)):
        at = NOON - 30 * MINUTE
        visit = add_visit(site=site, visitor=visitor, started_at=at, source=source, country=country)
        add_event(visit=visit, page="/Blog", happened_at=at)
        if source == "Google":
            add_event(visit=visit, page="/100%_sure", happened_at=at + MINUTE)


def rows(client: Client, address: str, query: str) -> list[list[str]]:
    page = Page.of(client.get(f"{address}?period=day&{query}"))
    return page.table(page.elements[[e.tag for e in page.elements].index("th")].text)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Bing", "Google", "google.dev"]),
        ("sort=source", ["Bing", "Google", "google.dev"]),
        ("sort=-source", ["google.dev", "Google", "Bing"]),
        ("sort=visitors", ["Google", "google.dev", "Bing"]),
        ("sort=bounce_rate", ["Google", "Bing", "google.dev"]),
        ("q=GOOG", ["Google", "google.dev"]),
        ("q=goog&sort=-source", ["google.dev", "Google"]),
    ],
)
def test_rows_are_found_and_in_the_order_asked_for(
    visits: None, member: Client, query: str, expected: list[str]
) -> None:
    assert [row[0] for row in rows(member, SOURCES, query)] == expected


@pytest.mark.parametrize(
    ("address", "search", "expected"),
    [
        (PAGES, "%_s", ["/100%_sure"]),
        (PAGES, "blog", ["/Blog"]),
        (COUNTRIES, "germ", ["Germany"]),
        (COUNTRIES, "unknown", []),
    ],
)
def test_a_search_is_for_what_the_table_shows(
    visits: None, member: Client, address: str, search: str, expected: list[str]
) -> None:
    page = Page.of(member.get(address, {"period": "day", "q": search}))

    assert [each.text for each in page.with_class("name")] == expected
    assert (f"No value contains “{search}”." in page.text) == (not expected)


def test_shares_of_what_is_found_are_of_all(visits: None, member: Client) -> None:
    page = Page.of(member.get(SOURCES, {"period": "day", "q": "Google"}))

    assert [share.text for share in page.with_class("share")] == ["25%", "25%"]


def test_heads_sort_and_a_second_click_turns_round(visits: None, member: Client) -> None:
    page = Page.of(member.get(f"{SOURCES}?period=day&q=g&sort=-visits&compare=year"))

    heads = [e for e in page.elements if e.tag == "th" and e.attributes.get("scope") == "col"]
    kept = "?period=day&compare=year&q=g&sort="
    assert page.links(kept) == [
        f"{kept}{order}" for order in ("source", "-visitors", "visits", "-bounce_rate")
    ]
    assert [head.attributes.get("aria-sort") for head in heads] == [None, None, "descending", None]


def test_pages_of_a_list_keep_search_and_order(site: Site, member: Client) -> None:
    for number in range(130):
        visit = add_visit(site=site, visitor=number, started_at=NOON, source=f"s{number:03}")
        add_event(visit=visit, happened_at=NOON)

    first = Page.of(member.get(f"{SOURCES}?period=day&q=s&sort=source"))
    second = Page.of(member.get(f"{SOURCES}?period=day&q=s&sort=source&page=2"))

    assert first.links("?period=day&q=s&sort=source&page=2")
    assert [second.table("Source")[place][0] for place in (0, -1)] == ["s100", "s129"]


@pytest.mark.parametrize("sort", ["scroll_depth", "--visits", "source,visits", "'"])
def test_what_is_no_column_is_told(site: Site, member: Client, sort: str) -> None:
    answer = member.get(SOURCES, {"sort": sort})

    assert answer.status_code == 400
    assert "sort" in Page.of(answer).text


@pytest.mark.parametrize("search", ["\0", "x" * 2001])
def test_what_no_value_has_is_told(site: Site, member: Client, search: str) -> None:
    assert member.get(SOURCES, {"q": search}).status_code == 400
