"""What brought a visitor, under the name that people know."""

from __future__ import annotations

import csv
from functools import partial
from timeit import repeat

import pytest

from sites.domains import normalise_domain
from visits.ingestion.hit import Kind
from visits.ingestion.sources import (
    _FILE,
    _MOST_LABELS,
    MAX_SOURCE,
    NO_SOURCE,
    Referrer,
    Source,
    _find_by_host,
    _fold,
    choose_source,
    host_of_name,
    read_referrer,
    source_of_host,
    source_of_name,
)


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
    assert read_referrer(sent) == Referrer(hostname, address)


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
        "https://.../",
        "https://" + "a." * 900 + "example/",
        "https://[broken/",
    ],
)
def test_what_is_no_page_refers_nobody(sent: str) -> None:
    assert read_referrer(sent) is None


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("news.example", "news.example"),
        ("News.example/a", "News.example"),
        ("news.example:80", "news.example"),
        ("https://news.example", "news.example"),
        ("https://news.example:8443/a?b#c", "news.example"),
        ("HTTPS://ada:secret@news.example/", "news.example"),
        ("//news.example/a", "news.example"),
        ("android-app://com.example.reader/", "com.example.reader"),
        ("news.example?a=https://other.example/", "news.example"),
        ("newsletter", "newsletter"),
        ("spring/summer", "spring"),
        ("a: b.example", "a"),
        ("", ""),
        ("/", ""),
    ],
)
def test_finds_the_host_in_what_a_campaign_names(name: str, host: str) -> None:
    assert host_of_name(name) == host


@pytest.mark.parametrize(
    "name", ["a:" * 1000, "/" * 2000, "@" * 2000, "a" * 2000, "//" + "a@" * 999]
)
def test_a_long_name_costs_no_more_than_a_short_one(name: str) -> None:
    assert min(repeat(partial(host_of_name, name), number=1, repeat=5)) < 0.001


def test_a_referring_address_fits_its_column() -> None:
    referrer = read_referrer("https://news.example/" + "a" * 3000)

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
        ("google.it.ao", "Google", Kind.SEARCH),
        ("google.cat", "Google", Kind.SEARCH),
        ("scholar.google.co.jp", "Google Scholar", Kind.SEARCH),
        ("accounts.google.com", "Google Account", Kind.OTHER),
        ("docs.google.com", "Google Docs", Kind.OTHER),
        ("news.google.com", "Google News", Kind.SEARCH),
        ("mail.google.com", "Gmail", Kind.EMAIL),
        ("gemini.google.com", "Gemini", Kind.ASSISTANT),
        ("duckduckgo.com", "DuckDuckGo", Kind.SEARCH),
        ("l.facebook.com", "Facebook", Kind.SOCIAL),
        ("m.facebook.com", "Facebook", Kind.SOCIAL),
        ("youtube.com", "YouTube", Kind.VIDEO),
        ("chatgpt.com", "ChatGPT", Kind.ASSISTANT),
        ("uk.search.yahoo.com", "Yahoo!", Kind.SEARCH),
        ("search.yahoo.co.jp", "Yahoo! Japan", Kind.SEARCH),
        ("mail.yahoo.com", "Yahoo! Mail", Kind.EMAIL),
        ("tiktok.com", "TikTok", Kind.SOCIAL),
        ("pinterest.com.mx", "Pinterest", Kind.SOCIAL),
        ("shopping.google.com", "Google Shopping", Kind.SHOPPING),
        ("a.b.c.d.e.f.g.h.i.facebook.com", "Facebook", Kind.SOCIAL),
        # Strangers keep their own name, whatever they have of a known one in it.
        ("news.example", "news.example", Kind.OTHER),
        ("google.evil.example", "google.evil.example", Kind.OTHER),
        ("notgoogle.com", "notgoogle.com", Kind.OTHER),
        ("google.abc.io", "google.abc.io", Kind.OTHER),
        ("google.com.evil.example", "google.com.evil.example", Kind.OTHER),
        ("com", "com", Kind.OTHER),
        ("co.uk", "co.uk", Kind.OTHER),
        ("", "", Kind.OTHER),
        ("google", "google", Kind.OTHER),
        ("localhost", "localhost", Kind.OTHER),
        ("192.0.2.1", "192.0.2.1", Kind.OTHER),
    ],
)
def test_names_the_source_of_a_host(hostname: str, name: str, kind: Kind) -> None:
    assert source_of_host(hostname) == Source(name, kind)


@pytest.mark.parametrize(
    ("app", "name", "kind"),
    [
        ("com.google.android.gm", "Gmail", Kind.EMAIL),
        ("com.google.android.googlequicksearchbox", "Google", Kind.SEARCH),
        ("com.google.android.youtube", "YouTube", Kind.VIDEO),
        ("com.facebook.katana", "Facebook", Kind.SOCIAL),
        ("com.facebook.orca", "Messenger", Kind.SOCIAL),
        ("com.instagram.android", "Instagram", Kind.SOCIAL),
        ("com.instagram.barcelona", "Threads", Kind.SOCIAL),
        ("com.linkedin.android", "LinkedIn", Kind.SOCIAL),
        ("com.reddit.frontpage", "Reddit", Kind.SOCIAL),
        ("com.Slack", "Slack", Kind.SOCIAL),
        ("org.telegram.messenger", "Telegram", Kind.SOCIAL),
        ("com.whatsapp", "WhatsApp", Kind.SOCIAL),
        ("com.twitter.android", "X", Kind.SOCIAL),
        ("com.zhiliaoapp.musically", "TikTok", Kind.SOCIAL),
        ("com.openai.chatgpt", "ChatGPT", Kind.ASSISTANT),
        ("com.microsoft.office.outlook", "Outlook", Kind.EMAIL),
        ("com.example.reader", "com.example.reader", Kind.OTHER),
    ],
)
def test_names_the_app_that_refers(app: str, name: str, kind: Kind) -> None:
    referrer = read_referrer(f"android-app://{app}/")

    assert referrer is not None
    assert source_of_host(referrer.hostname) == Source(name, kind)


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
        ("twitter", "X", Kind.SOCIAL),
        ("meta", "Facebook", Kind.SOCIAL),
        ("google_ads", "Google", Kind.SEARCH),
        ("Hacker-News", "Hacker News", Kind.SOCIAL),
        ("Yahoo!", "Yahoo!", Kind.SEARCH),
        ("chatgpt.com", "ChatGPT", Kind.ASSISTANT),
        ("github.com", "GitHub", Kind.OTHER),
        ("https://www.facebook.com/groups/1?x=y", "Facebook", Kind.SOCIAL),
        ("com.google.android.gm", "Gmail", Kind.EMAIL),
        # Ordinary words stay what they are, although a search engine has the name.
        ("inbox", "inbox", Kind.OTHER),
        ("free", "free", Kind.OTHER),
        ("search", "search", Kind.OTHER),
        ("shop", "shop", Kind.OTHER),
        # Of an address the host alone is kept.
        ("https://news.example/a?token=x", "news.example", Kind.OTHER),
        ("news.example/a?token=x", "news.example", Kind.OTHER),
        ("news.example:8080/a", "news.example", Kind.OTHER),
        ("https://ada:secret@www.google.com:80/", "Google", Kind.SEARCH),
        ("spring/summer", "spring/summer", Kind.OTHER),
        ("v1.2 beta", "v1.2 beta", Kind.OTHER),
        ("", "", Kind.OTHER),
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


def test_a_blank_at_the_cut_of_a_source_is_left_out() -> None:
    assert source_of_name("n" * (MAX_SOURCE - 1) + " tail").name == "n" * (MAX_SOURCE - 1)


@pytest.mark.parametrize(
    ("named", "referrer", "click_id", "name"),
    [
        ("fb", Referrer("google.com", "google.com"), "gclid", "Facebook"),
        ("", Referrer("news.example", "news.example/a"), "gclid", "news.example"),
        ("", None, "gclid", "Google"),
        ("", None, "fbclid", ""),
        ("", None, "", ""),
    ],
)
def test_the_campaign_then_the_referrer_then_the_click_id_names_the_source(
    named: str, referrer: Referrer | None, click_id: str, name: str
) -> None:
    assert choose_source(named=named, referrer=referrer, click_id=click_id).name == name
    assert Source("", Kind.OTHER) == NO_SOURCE


def test_a_long_referring_host_costs_no_more_than_a_short_one() -> None:
    hosts = ["a." * 1000, "." * 2000, "a" * 2000, "google." * 280 + "com"]

    for host in hosts:
        read = partial(read_referrer, f"https://{host}a/")
        assert min(repeat(read, number=1, repeat=5)) < 0.001
        assert min(repeat(partial(_find_by_host, host), number=1, repeat=5)) < 0.001


def rows_of_list() -> list[dict[str, str]]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        assert "Origin:" in next(file)
        return list(csv.DictReader(file))


def test_every_host_of_the_list_is_found_by_its_own_row() -> None:
    rows = rows_of_list()

    assert len({row["host"] for row in rows}) == len(rows)
    for row in rows:
        host = row["host"] + ("com" if row["host"].endswith(".") else "")
        assert source_of_host(host) == Source(row["name"], Kind(row["kind"])), host


def test_hosts_of_the_list_are_as_referrers_are_read() -> None:
    for row in rows_of_list():
        host = row["host"].removesuffix(".")
        assert normalise_domain(host) == host
        assert len(host.split(".")) <= _MOST_LABELS
        assert len(row["name"]) <= MAX_SOURCE


def test_no_row_says_again_what_the_domain_above_says() -> None:
    for row in rows_of_list():
        host = row["host"] + ("com" if row["host"].endswith(".") else "")
        above = _find_by_host(host.partition(".")[2])
        assert above != Source(row["name"], Kind(row["kind"])), host


def test_hosts_of_one_name_are_of_one_kind() -> None:
    kinds = {(row["name"], row["kind"]) for row in rows_of_list()}

    assert len({name for name, _ in kinds}) == len(kinds)


def test_names_of_one_brand_are_spelled_in_one_way() -> None:
    names = {row["name"] for row in rows_of_list()}

    assert len({name.casefold() for name in names}) == len(names)


def test_a_campaign_name_is_one_source_s() -> None:
    names = [name for row in rows_of_list() for name in row["campaigns"].split()]

    assert len(set(names)) == len(names)
    assert all(name == _fold(name) for name in names)
