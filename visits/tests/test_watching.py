"""Hits that staff watch: kept with their verdict for some minutes, of watched sites alone."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Any, Final

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from archive.erasure.requests import of_path
from archive.upkeep import keep_up
from sites.keys import make_key
from sites.models import Site
from visits.daily import read_counts
from visits.ingestion import watching
from visits.ingestion.watching import KEPT_TIME, WATCH_TIME, stop_watching, watch
from visits.models import Event, WatchedHit
from visits.tests.hits import ADDRESS, SECOND, Sender

GOOGLEBOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture
def watched(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site that staff watch; no test shares its second with another."""
    monkeypatch.setattr(watching, "_second", 0)
    watch(site, timezone.now())
    return site


def verdicts() -> list[str]:
    """Return the verdicts kept, in the order in which the hits came."""
    return list(WatchedHit.objects.order_by("pk").values_list("verdict", flat=True))


def facts() -> dict[str, Any]:
    """Return the facts of the one hit that is kept."""
    told: dict[str, Any] = WatchedHit.objects.get().facts
    return told


def test_nothing_is_kept_of_a_site_that_nobody_watches(site: Site, send: Sender) -> None:
    send()

    assert verdicts() == []


def test_each_hit_is_kept_with_its_verdict(watched: Site, send: Sender) -> None:
    send(id="a")
    send(id="a")
    send(user_agent=GOOGLEBOT)
    send(n="engagement", e=5000, address="198.51.100.1")
    send(u="no address")

    assert verdicts() == ["stored", "repeated", "bot", "no_visit", "malformed"]


def test_a_paused_site_shows_why_nothing_is_counted(watched: Site, send: Sender) -> None:
    watched.collects = False
    watched.save()

    send()

    assert verdicts() == ["site_paused"]


def test_a_wrong_domain_is_shown_with_the_site_of_the_page(watched: Site, send: Sender) -> None:
    send(d="exmaple.com")
    send(d="exmaple.com", u="https://other.example/")

    assert verdicts() == ["unknown_site"]
    assert facts()["sent"]["domain"] == "exmaple.com"


def test_what_was_sent_and_derived_is_told(watched: Site, send: Sender) -> None:
    send(
        n="Bought",
        u="https://example.com/shop/?utm_source=letter&token=secret",
        p={"plan": "pro"},
        revenue={"amount": "12.30", "currency": "EUR"},
        tz="Europe/Berlin",
    )

    row = WatchedHit.objects.get()
    assert (row.name, row.page) == ("Bought", "example.com/shop/")
    assert row.facts["sent"]["property plan"] == "pro"
    assert row.facts["sent"]["revenue"] == "12.3 EUR"
    derived = row.facts["derived"]
    assert derived["source"] == "letter"
    assert derived["country"] == "DE"
    assert (derived["browser"], derived["device"]) == ("Chrome", "desktop")
    assert derived["visit"].isdigit()
    assert "secret" not in json.dumps(row.facts)


def test_an_id_that_a_site_sends_is_not_kept(watched: Site, client: Client) -> None:
    _, key = make_key(name="shop", sites=[watched], can_send=True)
    hit = {"name": "pageview", "url": "https://example.com/", "domain": "example.com"}
    client.post(
        "/api/event",
        json.dumps(hit | {"user_id": "customer-4711"}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )

    assert "4711" not in json.dumps(facts())


def test_what_is_malformed_is_told_by_field(watched: Site, send: Sender, client: Client) -> None:
    answer = send(n="x" * 500, u="https://example.com/a")
    batch = [{"n": "pageview", "d": "example.com"}, {"n": "pageview"}, "no hit"]
    client.post("/api/events", json.dumps(batch), content_type="application/json")

    first, second = WatchedHit.objects.order_by("pk")
    assert first.facts == {"refused": {"name": answer.json()["name"][0]}}
    assert first.page == "example.com/a"
    assert list(second.facts["refused"]) == ["url"]


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "source", "kind"),
    [
        ([], ADDRESS, "", "the connection", "public, IPv4"),
        ([], "127.0.0.1", "", "the connection", "loopback, IPv4"),
        ([], "10.0.0.5", "203.0.113.9", "the connection; X-Forwarded-For was not", "private, IPv4"),
        (["10.0.0.0/8"], "10.0.0.5", "203.0.113.9", "X-Forwarded-For, from a", "public, IPv4"),
        (
            ["10.0.0.0/8"],
            "10.0.0.5",
            "1.1.1.1, 203.0.113.9",
            "X-Forwarded-For, past",
            "public, IPv4",
        ),
        (["10.0.0.0/8"], "10.0.0.5", "2001:db8::1", "X-Forwarded-For, from a", "public, IPv6"),
    ],
)
def test_where_the_address_was_taken_from_is_told(
    watched: Site,
    send: Sender,
    settings: Settings,
    proxies: list[str],
    peer: str,
    forwarded: str,
    source: str,
    kind: str,
) -> None:
    settings.TRUSTED_PROXIES = [ip_network(text) for text in proxies]

    send(address=peer, headers={"X-Forwarded-For": forwarded} if forwarded else None)

    address = facts()["address"]
    assert address["taken from"].startswith(source)
    assert address["kind"] == kind
    assert "address" not in address


@pytest.mark.parametrize(
    ("kept", "shown"), [("none", None), ("shortened", "203.0.113.0"), ("whole", ADDRESS)]
)
def test_an_address_is_kept_as_far_as_the_site_does(
    watched: Site, send: Sender, kept: str, shown: str | None
) -> None:
    watched.address_kept = kept
    watched.save()

    send()

    assert facts()["address"].get("address") == shown
    assert (ADDRESS in json.dumps(facts())) is (kept == "whole")


def test_to_watch_ends_by_itself(watched: Site, send: Sender) -> None:
    watch(watched, timezone.now() - WATCH_TIME - SECOND)

    send()

    assert verdicts() == []


def test_to_stop_forgets(watched: Site, send: Sender) -> None:
    send()

    stop_watching(watched)
    send()

    assert verdicts() == []


def test_hits_are_forgotten_after_some_minutes(watched: Site, send: Sender) -> None:
    send()
    at = WatchedHit.objects.get().received_at

    keep_up(at + KEPT_TIME)
    assert verdicts() == ["stored"]
    keep_up(at + KEPT_TIME + SECOND)
    assert verdicts() == []


def test_an_erasure_leaves_none_of_its_site(watched: Site, send: Sender) -> None:
    send(u="https://example.com/secret")

    of_path(watched, "/secret").save()
    keep_up(timezone.now())

    assert verdicts() == []


def test_of_many_hits_of_one_second_the_first_are_kept(
    watched: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    hit = {"n": "pageview", "u": "https://example.com/", "d": "example.com"}
    batch = json.dumps([hit] * 50)
    answers = client.post("/api/events", batch, content_type="application/json").json()

    assert [answer["status"] for answer in answers] == [202] * 50
    assert len(verdicts()) == watching.MOST_PER_SECOND


def test_hits_are_stored_where_they_cannot_be_kept_to_watch(
    watched: Site, send: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "turn_to_write", _fail)

    assert send().status_code == 202
    assert verdicts() == []
    (counts,) = read_counts([watched], timezone.now().date())[watched.pk].values()
    assert counts["hits"] == 1


def test_whatever_fails_here_a_hit_is_stored_once(
    watched: Site, send: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_row_of", _fail)

    assert send().status_code == 202
    assert verdicts() == []
    assert Event.objects.count() == 1


def _fail(*values: object, **options: object) -> None:
    raise OSError("no room")
