"""A click id tells the network and that somebody paid; its value goes nowhere."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.apps import apps

from sites.models import Site
from visits.ingestion.click_ids import (
    _CLICK_IDS,
    cut_click_id,
    find_click_id,
    is_ad_click,
    medium_of_click,
    network_of_click,
)
from visits.ingestion.hit import Kind, Origin
from visits.ingestion.pipeline import put_channel, put_source
from visits.ingestion.sources import source_of_name
from visits.models import Event, Visit
from visits.tests.cost import TIMES, cost_ratio
from visits.tests.hits import Sender, make_hit

SECRET = "Cj0KCQjwSECRETvalueOFoneCLICK"


def read_origin(query: str, *, referrer: str = "") -> Origin:
    """Return what brings a visitor to a page of this query, by the pipeline's own steps."""
    hit = make_hit(url=f"https://example.com/?{query}", referrer=referrer)
    hit = put_source(hit)
    return put_channel(hit).origin


@pytest.mark.parametrize(
    ("query", "referrer", "source", "medium", "channel"),
    [
        # An untagged click on a search engine's advertisement.
        ("gclid=x", "https://www.google.com/", "Google", "(gclid)", "Paid Search"),
        ("gclid=x", "", "Google", "(gclid)", "Paid Search"),
        ("GCLID=x", "", "Google", "(gclid)", "Paid Search"),
        ("utm_source=google&gclid=x", "", "Google", "(gclid)", "Paid Search"),
        ("msclkid=x", "https://www.bing.com/", "Bing", "(msclkid)", "Paid Search"),
        ("msclkid=x", "", "Bing", "(msclkid)", "Paid Search"),
        # Networks that have no medium of their own: paid, of the source's kind.
        ("gbraid=x", "https://www.google.com/", "Google", "", "Paid Search"),
        ("wbraid=x", "", "Google", "", "Paid Search"),
        ("yclid=x", "", "Yandex", "", "Paid Search"),
        ("ttclid=x", "", "TikTok", "", "Paid Social"),
        ("twclid=x", "https://t.co/abc", "X", "", "Paid Social"),
        ("twclid=x", "", "X", "", "Paid Social"),
        ("li_fat_id=x", "", "LinkedIn", "", "Paid Social"),
        ("rdt_cid=x", "", "Reddit", "", "Paid Social"),
        ("ScCid=x", "", "Snapchat", "", "Paid Social"),
        ("gclid=x", "https://www.youtube.com/", "YouTube", "", "Paid Video"),
        ("gclid=x", "https://news.example/", "news.example", "", "Paid Other"),
        ("gclid=x", "https://www.bing.com/", "Bing", "", "Paid Search"),
        ("dclid=x", "", "", "", "Paid Other"),
        ("gclid=x&utm_campaign=shop", "", "Google", "(gclid)", "Paid Shopping"),
        # A medium that is given says what it was.
        ("gclid=x&utm_medium=email", "", "Google", "email", "Organic Search"),
        ("gclid=x&utm_medium=cpc", "", "Google", "cpc", "Paid Search"),
        ("gclid=x&utm_medium=banner&utm_source=news", "", "news", "banner", "Display"),
        # Facebook puts one on every link, and Instagram the same.
        ("fbclid=x", "https://l.facebook.com/", "Facebook", "", "Organic Social"),
        ("fbclid=x", "https://l.instagram.com/", "Instagram", "", "Organic Social"),
        ("fbclid=x", "", "", "", "Direct"),
        ("fbclid=x&gclid=x", "", "Google", "(gclid)", "Paid Search"),
        # What is no click.
        ("gclid=", "https://www.google.com/", "Google", "", "Organic Search"),
        ("gclidx=x", "", "", "", "Direct"),
    ],
)
def test_a_click_on_an_advertisement_is_paid(
    query: str, referrer: str, source: str, medium: str, channel: str
) -> None:
    origin = read_origin(query, referrer=referrer)

    assert (origin.source, origin.utm_medium, origin.channel) == (source, medium, channel)


def test_of_the_origin_only_the_name_of_the_click_id_is_known() -> None:
    origin = read_origin(f"gclid={SECRET}")

    assert origin.click_id == "gclid"
    assert SECRET not in repr(origin)
    assert "click_id" not in {field.name for field in Visit._meta.get_fields()}


def rows_with_the_value() -> list[str]:
    """Return the rows of any table that hold the value, in whatever column."""
    rows = [str(row) for model in apps.get_models() for row in model._base_manager.values_list()]
    assert len(rows) >= 3
    return [row for row in rows if SECRET in row]


@pytest.mark.parametrize("name", [*_CLICK_IDS, "ScCid", "GCLID"])
def test_the_value_of_a_click_id_is_in_no_row(send: Sender, site: Site, name: str) -> None:
    answer = send(
        u=f"https://example.com/landing/?a=b&{name}={SECRET}&utm_campaign=spring#{name}={SECRET}",
        r=f"https://www.google.com/aclk/?q=x&{name}={SECRET}",
        t="Landing",
    )

    assert answer.status_code == 202
    assert Event.objects.get().page == "/landing/"
    assert Visit.objects.get().referrer == "google.com/aclk"
    assert rows_with_the_value() == []


CLICK: Final = f"gclid={SECRET}"


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        # In the path, its parameters, and what is encoded there once or twice.
        ({"u": f"https://example.com/x;{CLICK}"}, "/x"),
        ({"u": f"https://example.com/x&{CLICK}/y?a=b"}, "/x"),
        ({"u": f"https://example.com/x/{CLICK}"}, "/x"),
        ({"u": f"https://example.com/{CLICK}"}, "/"),
        ({"u": f"https://example.com/x;a=b;GClid={SECRET}"}, "/x;a=b"),
        ({"u": f"https://example.com/x%3F{CLICK}"}, "/x"),
        ({"u": f"https://example.com/x%3fgcl%69d%3d{SECRET}"}, "/x"),
        ({"u": f"https://example.com/x%2526gclid%253D{SECRET}"}, "/x"),
        ({"u": f"https://example.com/x%3Bgc%00lid={SECRET}"}, "/x"),
        # In the fragment, where that is part of the path.
        ({"u": f"https://example.com/app#/cart;{CLICK}", "h": 1}, "/app#/cart"),
        ({"u": f"https://example.com/app#/cart&YCLID={SECRET}", "h": 1}, "/app#/cart"),
        ({"u": f"https://example.com/app#{CLICK}", "h": 1}, "/app"),
        ({"u": f"https://example.com/app;{CLICK}#/cart", "h": 1}, "/app#/cart"),
        # Of the page that refers, in its path.
        ({"r": f"https://news.example/a;{CLICK}"}, "news.example/a"),
        ({"r": f"https://news.example/a%26{CLICK}/b"}, "news.example/a"),
        # In what a campaign names.
        ({"u": f"https://example.com/?utm_source=https://a.b/?{CLICK}"}, "https://a.b/"),
        ({"u": f"https://example.com/?utm_source=news;{CLICK}"}, "news"),
        ({"u": f"https://example.com/?ref=news;FBCLID={SECRET}"}, "news"),
        ({"u": f"https://example.com/?utm_campaign=spring%26{CLICK}"}, "spring"),
        ({"u": f"https://example.com/?utm_content={CLICK}&utm_term=x"}, "x"),
        # In what the page's author says.
        ({"t": f"Not found: /x?{CLICK}"}, "Not found: /x"),
        ({"p": {"link": f"https://shop.example/?a=b&{CLICK}"}}, "https://shop.example/?a=b"),
        ({"n": f"Click: https://shop.example/?{CLICK}"}, "Click: https://shop.example/"),
    ],
)
def test_a_click_id_ends_whatever_is_stored_of_an_address(
    send: Sender, site: Site, fields: dict[str, Any], stored: str
) -> None:
    answer = send(**fields)

    assert (answer.status_code, "X-Tracking-Dropped" in answer) == (202, False)
    event, visit = Event.objects.get(), Visit.objects.get()
    assert stored in {
        *(event.page, event.name, event.title, *event.props.values(), visit.referrer),
        *(visit.source, visit.utm_source, visit.utm_campaign, visit.utm_term),
    }
    assert rows_with_the_value() == []


@pytest.mark.parametrize(
    "text",
    ["", "/gclid", "/gclid/", "/mygclid=x", "/a_gclid=x", "/a-gclid=x", "/x;gclids=y", "/%", "a=b"],
)
def test_what_is_no_click_id_stays(text: str) -> None:
    assert cut_click_id(text) == text


@pytest.mark.parametrize(
    "text", ["%25" * 7000, "=" * 20_000, ("gclid" * 50 + "=") * 80, ("%" * 250 + "=") * 80]
)
def test_a_long_text_costs_little(text: str) -> None:
    assert cost_ratio(cut_click_id, text) < 3 * TIMES


def test_an_address_as_the_source_keeps_no_click_id(send: Sender, site: Site) -> None:
    send(u=f"https://example.com/?ref=https%3A%2F%2Fnews.example%2Fa%3Fgclid%3D{SECRET}")

    assert Visit.objects.get().source == "news.example"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({}, ""),
        ({"utm_source": "google"}, ""),
        ({"gclid": ""}, ""),
        ({"fbclid": "x"}, "fbclid"),
        ({"fbclid": "x", "ttclid": "y"}, "ttclid"),
    ],
)
def test_finds_the_click_id_that_tells_most(query: dict[str, str], name: str) -> None:
    assert find_click_id(query) == name


def test_every_network_is_a_source_that_is_known() -> None:
    networks = {network_of_click(name) for name in _CLICK_IDS} - {""}

    assert len(networks) == 8
    for network in networks:
        assert source_of_name(network).kind is not Kind.OTHER


def test_what_is_no_click_id_tells_nothing() -> None:
    for name in ("", "utm_source"):
        assert not is_ad_click(name)
        assert network_of_click(name) == ""
        assert medium_of_click(name, source="") == ""
        assert medium_of_click(name, source="Google") == ""
