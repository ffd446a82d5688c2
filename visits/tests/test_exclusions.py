"""What a site leaves out by its own wish, and how much that was."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from sites.models import Exclusion, Site
from visits.daily import read_counts
from visits.ingestion.hit import Drop, DropReason
from visits.ingestion.pipeline import ingest
from visits.models import Event
from visits.tests.hits import DAY, NOON, Sender, make_hit

Kind = Exclusion.Kind


def exclude(site: Site, kind: str, value: str) -> Exclusion:
    """Return a new exclusion of the site, checked as the admin does."""
    exclusion = Exclusion(site=site, kind=kind, value=value)
    exclusion.full_clean()
    exclusion.save()
    return exclusion


@pytest.mark.parametrize(
    ("kind", "value", "hit", "is_left_out"),
    [
        (Kind.NETWORK, "203.0.113.7", {"address": "203.0.113.7"}, True),
        (Kind.NETWORK, "203.0.113.7", {"address": "203.0.113.8"}, False),
        (Kind.NETWORK, "203.0.113.9/24", {"address": "203.0.113.200"}, True),
        (Kind.NETWORK, "2001:db8::/48", {"address": "2001:db8:0:7::1"}, True),
        (Kind.NETWORK, "2001:db8::/48", {"address": "203.0.113.7"}, False),
        (Kind.NETWORK, "0.0.0.0/0", {"address": ""}, False),
        (Kind.COUNTRY, "de", {"timezone": "Europe/Berlin"}, True),
        (Kind.COUNTRY, "de", {"timezone": "Europe/Paris"}, False),
        (Kind.COUNTRY, "de", {}, False),
        (Kind.PATH, "/internal/*", {"url": "https://example.com/internal/a/b?c"}, True),
        (Kind.PATH, "/internal/*", {"url": "https://example.com/internal"}, False),
        (Kind.PATH, "/a.c", {"url": "https://example.com/abc"}, False),
        (Kind.PATH, "*.php", {"url": "https://example.com/x/y.php"}, True),
        (Kind.HOSTNAME, "www.Staging.example.com", {"url": "https://staging.example.com/"}, True),
        (Kind.HOSTNAME, "*.example.com", {"url": "https://example.com/"}, False),
        (Kind.OTHER_HOSTNAMES, "example.com", {"url": "https://example.com/"}, False),
        (Kind.OTHER_HOSTNAMES, "example.com", {"url": "https://copy.example.net/"}, True),
    ],
)
def test_what_meets_an_exclusion_is_left_out(
    site: Site, kind: str, value: str, hit: dict[str, Any], is_left_out: bool
) -> None:
    exclusion = exclude(site, kind, value)

    (verdict,) = ingest([make_hit(**hit)])

    assert (verdict == Drop(DropReason.EXCLUDED, exclusion.pk)) is is_left_out
    assert Event.objects.exists() is not is_left_out


def test_several_hosts_may_be_those_that_count(site: Site) -> None:
    for value in ("example.com", "*.example.com"):
        exclude(site, Kind.OTHER_HOSTNAMES, value)

    hosts = ("example.com", "shop.example.com", "example.net")
    verdicts = ingest([make_hit(url=f"https://{host}/") for host in hosts])

    assert [isinstance(verdict, Drop) for verdict in verdicts] == [False, False, True]


def test_another_sites_exclusions_do_not_count(site: Site, other_site: Site) -> None:
    exclude(other_site, Kind.PATH, "*")

    ingest([make_hit()])

    assert Event.objects.count() == 1


def test_each_counts_what_it_left_out(site: Site) -> None:
    first, _ = exclude(site, Kind.PATH, "/internal/*"), exclude(site, Kind.PATH, "/never")

    ingest([make_hit(url="https://example.com/internal/x"), make_hit()])

    counts = read_counts([site], NOON.date() - DAY)[site.pk][NOON.date()]
    assert counts == {"hits": 2, "excluded": 1, f"exclusion_{first.pk}": 1} | {
        name: count for name, count in counts.items() if name.endswith("_address")
    }


def test_a_change_counts_at_once(site: Site, send: Sender) -> None:
    exclusion = exclude(site, Kind.PATH, "/")
    assert send()["X-Tracking-Dropped"] == "excluded"

    exclusion.value = "/other"
    exclusion.save()
    assert "X-Tracking-Dropped" not in send()
    exclusion.value = "/"
    exclusion.save()
    exclusion.delete()
    assert "X-Tracking-Dropped" not in send()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.NETWORK, "example.com"),
        (Kind.NETWORK, "203.0.113.7/40"),
        (Kind.COUNTRY, "Germany"),
        (Kind.COUNTRY, "D1"),
        (Kind.PATH, "internal"),
        (Kind.HOSTNAME, "https://example.com/"),
        (Kind.HOSTNAME, " "),
        ("colour", "red"),
    ],
)
def test_what_no_hit_has_is_refused(site: Site, kind: str, value: str) -> None:
    with pytest.raises(ValidationError):
        exclude(site, kind, value)
