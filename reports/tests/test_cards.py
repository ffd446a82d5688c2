"""The overview's cards: which of its dimensions each shows, by the address and the filters."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from reports.cards import CARDS, DEEPER
from reports.dimensions import DIMENSIONS
from reports.filters import Filter, Operator
from reports.tests.pages import KINDS, Page
from reports.tests.test_views import visit
from sites.models import Site
from visits.models import Visit

__all__ = ["visit"]

OVERVIEW = KINDS["overview"]
BY_NAME = {card.name: card for card in CARDS}


def one(name: str, value: str = "x") -> Filter:
    return Filter(DIMENSIONS[name], (value,))


@pytest.mark.parametrize(
    ("card", "asked", "filters", "shown"),
    [
        ("sources", "", (), "source"),
        ("sources", "utm_term", (), "utm_term"),
        ("sources", "", (one("source"),), "source"),
        ("pages", "exit_page", (one("page"),), "exit_page"),
        ("places", "", (), "country"),
        ("places", "", (one("country"),), "region"),
        ("places", "", (one("country"), one("region")), "city"),
        ("places", "", (one("region"),), "country"),
        ("places", "country", (one("country"),), "country"),
        ("places", "", (Filter(DIMENSIONS["country"], ("DE", "FR")),), "country"),
        ("places", "", (Filter(DIMENSIONS["country"], ("DE",), negated=True),), "country"),
        (
            "devices",
            "",
            (Filter(DIMENSIONS["browser"], ("Fire",), operator=Operator.CONTAINS),),
            "browser",
        ),
        ("devices", "", (one("browser"),), "browser_version"),
        ("devices", "operating_system_version", (), "operating_system_version"),
    ],
)
def test_a_card_shows_what_is_asked_for_or_tells_most(
    card: str, asked: str, filters: tuple[Filter, ...], shown: str
) -> None:
    assert BY_NAME[card].choose(asked, filters).name == shown


def test_what_tells_more_is_on_the_same_card() -> None:
    for card in CARDS:
        assert {DEEPER[each] for each in card.tables if each in DEEPER} <= card.tables.keys()


def test_versions_are_a_tab_while_they_are_shown() -> None:
    card = BY_NAME["devices"]
    names = ["browser", "operating_system", "device", "screen"]

    assert [each.name for each in card.tabs(DIMENSIONS["device"])] == names
    assert [each.name for each in card.tabs(DIMENSIONS["browser_version"])] == [
        *names,
        "browser_version",
    ]


@pytest.mark.parametrize(
    ("query", "heading", "rows"),
    [
        ("sources=channel", "Channel", [["Organic Search", "1", "0%"]]),
        ("pages=entry_page", "Entry page", [["/", "1", "0%"]]),
        ("pages=exit_page", "Exit page", [["/docs", "1", "3m 00s"]]),
        ("pages=title", "Title", [["Docs", "1", "1"], ["Home", "1", "1"]]),
        ("places=language", "Language", [["de", "1", "0%"]]),
        ("devices=device", "Device", [["Desktop", "1", "0%"]]),
        ("f=is,browser,Firefox", "Browser version", [["140", "1", "0%"]]),
    ],
)
def test_a_tab_is_an_address(
    visit: Visit, member: Client, query: str, heading: str, rows: list[list[str]]
) -> None:
    assert Page.of(member.get(f"{OVERVIEW}?{query}")).table(heading) == rows


def test_every_tab_leads_to_its_table_and_every_table_to_all_of_its_rows(
    visit: Visit, member: Client
) -> None:
    page = Page.of(member.get(f"{OVERVIEW}?period=day"))
    for card in CARDS:
        tabs = [link for link in page.links("?") if link.endswith(f"#{card.name}")]
        shown = [parse_qs(urlsplit(link).query)[card.name][0] for link in tabs]
        assert shown == [each.name for each in card.tabs(next(iter(card.tables)))]
        for link, name in zip(tabs, shown, strict=True):
            tab = Page.of(member.get(OVERVIEW + link))
            details = [each for each in tab.links("/") if f"/{name}/?" in each]
            assert details, name
            assert member.get(details[0]).status_code == 200


def test_what_one_card_shows_stays_while_another_is_changed(visit: Visit, member: Client) -> None:
    page = Page.of(member.get(f"{OVERVIEW}?period=day&sources=channel&metric=visits"))

    kept = "?period=day&metric=visits&sources=channel"
    assert f"{kept}&devices=screen#devices" in page.links()
    assert f"{kept}&f=is,channel,Organic%20Search" in page.links()
    assert "?period=7d&sources=channel" in page.links()


def test_what_no_card_shows_is_told(site: Site, member: Client) -> None:
    answer = member.get(f"{OVERVIEW}?pages=source")

    assert answer.status_code == 400
    assert "pages" in answer.content.decode()
