"""A click id tells the network and that somebody paid; its value goes nowhere."""

from __future__ import annotations

import pytest
from django.apps import apps

from sites.models import Site
from visits.ingestion.click_ids import (
    _CLICK_IDS,
    find_click_id,
    is_ad_click,
    medium_of_click,
    network_of_click,
)
from visits.ingestion.hit import Kind, Origin
from visits.ingestion.pipeline import put_channel, put_source
from visits.ingestion.sources import source_of_name
from visits.models import Event, Visit
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


@pytest.mark.parametrize("name", [*_CLICK_IDS, "ScCid"])
def test_the_value_of_a_click_id_is_in_no_row(send: Sender, site: Site, name: str) -> None:
    answer = send(
        u=f"https://example.com/landing/?a=b&{name}={SECRET}&utm_campaign=spring#{name}={SECRET}",
        r=f"https://www.google.com/aclk/?q=x&{name}={SECRET}",
        t="Landing",
    )

    assert answer.status_code == 202
    assert Event.objects.get().page == "/landing/"
    assert Visit.objects.get().referrer == "google.com/aclk"
    rows = [str(row) for model in apps.get_models() for row in model._base_manager.values_list()]
    assert len(rows) >= 3
    assert [row for row in rows if SECRET in row] == []


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
