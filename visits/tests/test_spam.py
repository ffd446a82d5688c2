"""Referrers that want to be seen in reports, and those that only look like them."""

from __future__ import annotations

from functools import partial
from timeit import repeat

import pytest

from trackingsite.tests.shared import shared_folder
from visits.ingestion.hit import Drop, DropReason
from visits.ingestion.pipeline import drop_spam_referrer, put_page, put_source
from visits.ingestion.sources import _sources_by_host
from visits.ingestion.spam import _FILE, _MOST_LABELS, _spam_hosts, is_spam_referrer
from visits.tests.hits import make_hit


@pytest.mark.parametrize(
    "hostname",
    [
        "0n-line.tv",
        "www.0n-line.tv",
        "a.b.c.d.0n-line.tv",
        "0N-Line.TV",
        "0n-line.tv.",
        "qiwi.xyz",
        # One host in punycode, in Unicode, in both.
        "xn--e1agf4c.xn--80adxhks",
        "XN--E1AGF4C.XN--80ADXHKS",
        "ЧЕКИ.москва",
        "www.xn--e1agf4c.москва.",
        # Of a host of three or four labels no less.
        "wallabag.malooma.bzh",
        "seoriseome.netlify.app",
    ],
)
def test_knows_spammers_by_host_or_the_domain_above(hostname: str) -> None:
    assert is_spam_referrer(hostname)


@pytest.mark.parametrize(
    "hostname",
    [
        "",
        ".",
        "tv",
        "localhost",
        "192.0.2.1",
        "news.example",
        "google.com",
        "not0n-line.tv",
        "line.tv",
        "0n-line.tv.example",
        "malooma.bzh",
        "netlify.app",
        "рф",
        "пример.рф",
        "0n-line.tv" + "." * 300,
    ],
)
def test_leaves_others_alone(hostname: str) -> None:
    assert not is_spam_referrer(hostname)


SPAM = "0n-line.tv"


@pytest.mark.parametrize(
    ("query", "referrer", "spam"),
    [
        ("", "", False),
        ("", "https://0n-line.tv/", True),
        ("", "http://www2.0N-Line.tv:80/offer?x=y", True),
        ("", "https://news.example/0n-line.tv", False),
        # Named in the page's address, in place of the referrer or beside it.
        ("utm_source=0n-line.tv", "", True),
        ("utm_source=0N-Line.tv", "https://news.example/", True),
        ("utm_source=https://0n-line.tv/x", "", True),
        ("utm_source=http%3A%2F%2Fwww.0n-line.tv", "", True),
        ("source=0n-line.tv/offer", "", True),
        ("ref=0n-line.tv:80", "", True),
        ("REF=//0n-line.tv", "", True),
        ("ref=https://ada@0n-line.tv:443/?x", "", True),
        ("ref=ЧЕКИ.москва:80", "", True),
        ("utm_source=newsletter&ref=0n-line.tv", "", True),
        ("utm_source=newsletter", "", False),
        ("utm_source=0n-line+tv", "", False),
        ("utm_source=news.example/0n-line.tv", "", False),
        ("utm_campaign=0n-line.tv", "", False),
    ],
)
def test_a_referrer_or_a_campaign_s_source_is_spam(query: str, referrer: str, spam: bool) -> None:
    hit = put_source(make_hit(url=f"https://example.com/?{query}", referrer=referrer))

    assert drop_spam_referrer(hit) == (Drop(DropReason.SPAM_REFERRER) if spam else hit)


@pytest.mark.parametrize(
    ("domain", "page", "query", "referrer", "spam"),
    [
        # The site itself is none to itself, nor are its subdomains and its other spellings.
        (SPAM, SPAM, "", SPAM, False),
        (SPAM, SPAM, f"ref=Shop.{SPAM}", f"blog.{SPAM}", False),
        (f"{SPAM}:8000", SPAM, "", SPAM, False),
        ("xn--e1agf4c.xn--80adxhks", "чеки.москва", "ref=чеки.москва", "ЧЕКИ.москва", False),
        (f"shop.{SPAM}", SPAM, "", SPAM, True),
        # A forged hit says that it was on the spammer's own page.
        ("example.com", SPAM, "", SPAM, True),
        ("example.com", SPAM, f"utm_source={SPAM}", "", True),
        ("example.com", f"www.{SPAM}", "", f"blog.{SPAM}", True),
    ],
)
def test_a_site_is_no_spammer_to_itself(
    domain: str, page: str, query: str, referrer: str, spam: bool
) -> None:
    url = f"https://{page}/?{query}"
    hit = put_page(make_hit(domain=domain, url=url, referrer=f"https://{referrer}/"))

    assert (drop_spam_referrer(put_source(hit)) == Drop(DropReason.SPAM_REFERRER)) is spam


def test_no_source_that_people_know_is_spam() -> None:
    hosts = {host + ("com" if host.endswith(".") else "") for host in _sources_by_host()}

    # Search pages of two unwanted browser bars: on both lists, and dropped.
    assert {host for host in hosts if is_spam_referrer(host)} == {
        "search.fbdownloader.com",
        "search.iminent.com",
    }


def test_the_list_says_where_it_is_from_and_holds_hosts_alone() -> None:
    first, *lines = _FILE.read_text(encoding="ascii").splitlines()

    assert first.startswith("# ")
    assert "Origin:" in first
    assert lines == sorted(set(lines))
    for host in lines:
        assert host == host.lower().strip(" .")
        assert 2 <= len(host.split(".")) <= _MOST_LABELS


def test_knows_every_host_of_the_community_s_list() -> None:
    text = (shared_folder("referrer-spam-list") / "spammers.txt").read_text(encoding="utf-8")
    hosts = text.split()

    assert len(hosts) > 2000
    spelled = {host for listed in hosts for host in (listed, f"www.{listed}.", decode(listed))}
    assert {host for host in spelled if not is_spam_referrer(host)} == set()


def decode(hostname: str) -> str:
    """Return a host in Unicode."""
    return ".".join(
        label.removeprefix("xn--").encode().decode("punycode") if label[:4] == "xn--" else label
        for label in hostname.split(".")
    )


def test_a_host_is_looked_up_in_microseconds() -> None:
    hosts = ["news.example", "www.0n-line.tv", "a.b.c.d.e.f.g.example", "x" * 2000, "д" * 250]
    _spam_hosts()

    for host in hosts:
        seconds = min(repeat(partial(is_spam_referrer.__wrapped__, host), number=200))
        assert seconds / 200 < 0.001, host[:20]
