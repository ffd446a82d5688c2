"""What is counted, what is left out, and in which order that is decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sites.models import Site
from visits.ingestion.hit import Device, Drop, DropReason, Hit, Kind, Origin, Page, Place
from visits.ingestion.pipeline import STEPS, enrich, ingest
from visits.ingestion.writer import Stored
from visits.models import Event
from visits.tests.hits import MINUTE, make_hit

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


CASES: list[tuple[dict[str, Any], DropReason]] = [
    ({"is_prefetch": True}, DropReason.PREFETCH),
    ({"user_agent": GOOGLEBOT}, DropReason.BOT),
    ({"user_agent": ""}, DropReason.BOT),
    ({"domain": "unknown.example"}, DropReason.UNKNOWN_SITE),
    ({"domain": "sub.example.com"}, DropReason.UNKNOWN_SITE),
    ({"domain": "paused.example"}, DropReason.SITE_PAUSED),
    ({"name": "engagement", "engagement_ms": 5000}, DropReason.NO_VISIT),
    # Of several reasons the first in the order of the steps is told.
    ({"is_prefetch": True, "user_agent": GOOGLEBOT}, DropReason.PREFETCH),
    ({"user_agent": GOOGLEBOT, "domain": "unknown.example"}, DropReason.BOT),
    ({"domain": "paused.example", "name": "engagement"}, DropReason.SITE_PAUSED),
]


def test_the_steps_in_their_order() -> None:
    assert [step.__name__ for step in STEPS] == [
        "drop_prefetch",
        "drop_bot",
        "put_site",
        "put_page",
        "put_device",
        "put_source",
        "put_channel",
        "put_place",
        "put_visitor",
    ]


@pytest.mark.parametrize(("hit", "reason"), CASES)
def test_drops_with_a_reason_and_stores_nothing(
    site: Site, other_site: Site, hit: dict[str, Any], reason: DropReason
) -> None:
    other_site.domain, other_site.collects = "paused.example", False
    other_site.save()

    assert ingest([make_hit(**hit)]) == [Drop(reason)]
    assert not Event.objects.exists()


def test_the_table_above_has_a_case_of_every_reason() -> None:
    assert {reason for _, reason in CASES} == set(DropReason)


def test_a_dropped_hit_makes_no_salt(site: Site, data_dir: Path) -> None:
    ingest(
        [make_hit(is_prefetch=True), make_hit(user_agent=GOOGLEBOT), make_hit(domain="x.example")]
    )

    assert list(data_dir.iterdir()) == []


def test_a_hit_is_enriched_by_every_step(site: Site) -> None:
    hit = enrich(
        make_hit(
            url="https://www.example.com/pricing?utm_source=google&utm_medium=cpc"
            "&utm_campaign=Spring&utm_term=analytics&utm_content=blue",
            referrer="https://www.google.com/search?q=secret",
            timezone="Europe/Vienna",
        )
    )

    assert isinstance(hit, Hit)
    assert hit.site == site
    assert hit.page == Page("example.com", "/pricing")
    assert hit.device == Device(
        browser="Chrome",
        browser_version="131",
        operating_system="Windows",
        operating_system_version="10",
        device="desktop",
    )
    assert hit.origin == Origin(
        referrer="google.com/search",
        source="Google",
        kind=Kind.SEARCH,
        channel="Paid Search",
        utm_source="google",
        utm_medium="cpc",
        utm_campaign="Spring",
        utm_term="analytics",
        utm_content="blue",
    )
    assert hit.place == Place(country="AT")
    assert hit.visitor is not None


@pytest.mark.parametrize(
    ("query", "referrer", "source"),
    [
        ("utm_source=fb&source=b&ref=c", "https://google.com/", "Facebook"),
        ("source=b&ref=c", "https://google.com/", "b"),
        ("ref=c", "https://google.com/", "c"),
        ("", "https://google.com/", "Google"),
        ("utm_source=&ref=", "https://google.com/", "Google"),
        ("", "https://www.example.com/before", ""),
        ("", "https://shop.example.com/", ""),
        ("", "", ""),
    ],
)
def test_a_campaign_names_the_source_before_the_referrer_does(
    site: Site, query: str, referrer: str, source: str
) -> None:
    hit = enrich(make_hit(url=f"https://example.com/?{query}", referrer=referrer))

    assert isinstance(hit, Hit)
    assert hit.origin.source == source


def test_a_site_known_by_its_port_is_no_referrer_of_itself(site: Site) -> None:
    site.domain = "localhost:8000"
    site.save()

    hit = enrich(
        make_hit(
            domain="localhost:8000",
            url="app://embedded/",
            referrer="http://localhost:8000/before",
        )
    )

    assert isinstance(hit, Hit)
    assert hit.origin.channel == "Direct"


def test_campaigns_fit_their_columns(site: Site) -> None:
    hit = enrich(make_hit(url="https://example.com/?utm_campaign=" + "c" * 300))

    assert isinstance(hit, Hit)
    assert hit.origin.utm_campaign == "c" * 200


def test_verdicts_come_in_the_order_of_the_hits(site: Site) -> None:
    verdicts = ingest(
        [
            make_hit(user_agent=GOOGLEBOT),
            make_hit(),
            make_hit(domain="unknown.example"),
            make_hit(name="engagement"),
            make_hit(name="engagement", address="203.0.113.99"),
            make_hit(name="signup", at=make_hit().received_at + MINUTE),
        ]
    )

    visit = site.visits.get()
    assert verdicts == [
        Drop(DropReason.BOT),
        Stored(visit.pk),
        Drop(DropReason.UNKNOWN_SITE),
        Stored(visit.pk),
        Drop(DropReason.NO_VISIT),
        Stored(visit.pk),
    ]


def test_nothing_is_made_of_no_hits() -> None:
    assert ingest([]) == []
