"""What brought a visitor, under the name that people know."""

from __future__ import annotations

import csv

import pytest

from visits.ingestion.hit import Kind
from visits.ingestion.sources import (
    _FILE,
    MAX_SOURCE,
    Referrer,
    Source,
    read_referrer,
    source_of_host,
    source_of_name,
)

OWN = ("example.com",)


@pytest.mark.parametrize(
    ("sent", "hostname", "address"),
    [
        ("https://news.example/", "news.example", "news.example"),
        ("https://www.News.example/a/B/", "news.example", "news.example/a/B"),
        ("http://news.example:8080/a", "news.example", "news.example/a"),
        ("https://news.example/a?password=x#y", "news.example", "news.example/a"),
        ("https://ada:secret@news.example/a", "news.example", "news.example/a"),
        ("android-app://com.google.android.gm/", "com.google.android.gm", "com.google.android.gm"),
        ("https://notexample.com/", "notexample.com", "notexample.com"),
        (
            "https://example.com.evil.example/",
            "example.com.evil.example",
            "example.com.evil.example",
        ),
    ],
)
def test_reads_the_referring_page_without_what_was_typed_there(
    sent: str, hostname: str, address: str
) -> None:
    assert read_referrer(sent, own_hosts=OWN) == Referrer(hostname, address)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "news.example",
        "/about",
        "about:client",
        "javascript:alert(1)",
        "ftp://news.example/",
        "https:///nowhere",
        "https://[broken/",
        "https://example.com/cart",
        "https://www.example.com/",
        "https://blog.example.com/",
        "https://EXAMPLE.com:8443/",
    ],
)
def test_the_site_itself_and_what_is_no_page_refer_nobody(sent: str) -> None:
    assert read_referrer(sent, own_hosts=OWN) is None


def test_a_host_that_is_not_known_is_nobodys_own() -> None:
    assert read_referrer("https://news.example/", own_hosts=("",)) == Referrer(
        "news.example", "news.example"
    )


def test_a_referring_address_fits_its_column() -> None:
    referrer = read_referrer("https://news.example/" + "a" * 3000, own_hosts=OWN)

    assert referrer is not None
    assert len(referrer.address) == 2000


@pytest.mark.parametrize(
    ("hostname", "name", "kind"),
    [
        ("google.com", "Google", Kind.SEARCH),
        ("google.de", "Google", Kind.SEARCH),
        ("google.co.uk", "Google", Kind.SEARCH),
        ("google.com.br", "Google", Kind.SEARCH),
        ("images.google.fr", "Google", Kind.SEARCH),
        ("news.google.com", "Google News", Kind.OTHER),
        ("mail.google.com", "Gmail", Kind.EMAIL),
        ("gemini.google.com", "Gemini", Kind.ASSISTANT),
        ("duckduckgo.com", "DuckDuckGo", Kind.SEARCH),
        ("l.facebook.com", "Facebook", Kind.SOCIAL),
        ("m.facebook.com", "Facebook", Kind.SOCIAL),
        ("youtube.com", "YouTube", Kind.VIDEO),
        ("chatgpt.com", "ChatGPT", Kind.ASSISTANT),
        # Strangers keep their own name, whatever they have of a known one in it.
        ("news.example", "news.example", Kind.OTHER),
        ("google.evil.example", "google.evil.example", Kind.OTHER),
        ("notgoogle.com", "notgoogle.com", Kind.OTHER),
        ("google", "google", Kind.OTHER),
        ("localhost", "localhost", Kind.OTHER),
        ("192.0.2.1", "192.0.2.1", Kind.OTHER),
    ],
)
def test_names_the_source_of_a_host(hostname: str, name: str, kind: Kind) -> None:
    assert source_of_host(hostname) == Source(name, kind)


@pytest.mark.parametrize(
    ("campaign", "name", "kind"),
    [
        ("google", "Google", Kind.SEARCH),
        ("Google", "Google", Kind.SEARCH),
        ("google.com", "Google", Kind.SEARCH),
        ("www.google.co.uk", "Google", Kind.SEARCH),
        ("FACEBOOK", "Facebook", Kind.SOCIAL),
        ("fb", "Facebook", Kind.SOCIAL),
        ("ig", "Instagram", Kind.SOCIAL),
        ("yt", "YouTube", Kind.VIDEO),
        ("Newsletter", "Newsletter", Kind.OTHER),
        ("Partner.example", "Partner.example", Kind.OTHER),
    ],
)
def test_names_the_source_of_a_campaign_in_its_usual_spelling(
    campaign: str, name: str, kind: Kind
) -> None:
    assert source_of_name(campaign) == Source(name, kind)


def test_a_source_fits_its_column() -> None:
    assert len(source_of_host("h" * 300 + ".example").name) == MAX_SOURCE
    assert len(source_of_name("n" * 300).name) == MAX_SOURCE


def test_every_host_of_the_list_is_found_by_its_own_row() -> None:
    with _FILE.open(encoding="utf-8", newline="") as file:
        assert "Origin:" in next(file)
        rows = list(csv.DictReader(file))

    assert len({row["host"] for row in rows}) == len(rows)
    for row in rows:
        host = row["host"] + ("com" if row["host"].endswith(".") else "")
        assert source_of_host(host) == Source(row["name"], Kind(row["kind"])), host


def test_hosts_of_one_name_are_of_one_kind() -> None:
    with _FILE.open(encoding="utf-8", newline="") as file:
        next(file)
        kinds = {(row["name"], row["kind"]) for row in csv.DictReader(file)}

    assert len({name for name, _ in kinds}) == len(kinds)
