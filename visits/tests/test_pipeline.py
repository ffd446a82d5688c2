"""What is counted, what is left out, and in which order that is decided."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sites.models import Site
from visits.ingestion.diagnosis import Sign
from visits.ingestion.hit import Device, Drop, DropReason, Hit, Kind, Origin, Page, Place
from visits.ingestion.pipeline import STEPS, enrich, ingest
from visits.ingestion.writer import Stored
from visits.models import DailyCount, Event
from visits.tests.hits import ADDRESS, CHROME, DAY, MINUTE, NOON, make_hit

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


CASES: list[tuple[dict[str, Any], DropReason]] = [
    ({"is_prefetch": True}, DropReason.PREFETCH),
    ({"user_agent": GOOGLEBOT}, DropReason.BOT),
    ({"user_agent": ""}, DropReason.BOT),
    ({"domain": "unknown.example"}, DropReason.UNKNOWN_SITE),
    ({"domain": "sub.example.com"}, DropReason.UNKNOWN_SITE),
    ({"domain": "paused.example"}, DropReason.SITE_PAUSED),
    ({"automated": True}, DropReason.AUTOMATION),
    ({"referrer": "https://semalt.com/"}, DropReason.SPAM_REFERRER),
    ({"sent_at": NOON - 3 * DAY}, DropReason.SALT_GONE),
    ({"name": "engagement", "engagement_ms": 5000}, DropReason.NO_VISIT),
    # Of several reasons the first in the order of the steps is told.
    ({"is_prefetch": True, "user_agent": GOOGLEBOT}, DropReason.PREFETCH),
    ({"user_agent": GOOGLEBOT, "domain": "unknown.example"}, DropReason.UNKNOWN_SITE),
    ({"user_agent": GOOGLEBOT, "automated": True}, DropReason.AUTOMATION),
    ({"domain": "paused.example", "name": "engagement"}, DropReason.SITE_PAUSED),
]


def enriched(hit: Hit) -> Hit:
    """Return the hit after every step."""
    result = enrich(hit, Counter())
    assert isinstance(result, Hit)
    return result


def test_the_steps_in_their_order() -> None:
    assert [step.__name__ for step in STEPS] == [
        "put_site",
        "drop_over_limit",
        "drop_wish",
        "drop_prefetch",
        "drop_automation",
        "drop_bot",
        "put_page",
        "put_source",
        "drop_spam_referrer",
        "put_channel",
        "put_device",
        "put_place",
        "drop_excluded",
        "forget_unkept",
        "put_bounded_values",
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
    # What is over a limit is in test_limits.py: one hit never is. Wishes depend on the site, below,
    # and so do exclusions, in test_exclusions.py.
    elsewhere = {DropReason.RATE_LIMITED, DropReason.GPC, DropReason.DNT, DropReason.EXCLUDED}
    assert {reason for _, reason in CASES} == set(DropReason) - elsewhere


def test_a_dropped_hit_makes_no_salt(site: Site, data_dir: Path) -> None:
    ingest(
        [make_hit(is_prefetch=True), make_hit(user_agent=GOOGLEBOT), make_hit(domain="x.example")]
    )

    assert list(data_dir.iterdir()) == []


def test_a_hit_is_enriched_by_every_step(site: Site) -> None:
    hit = enriched(
        make_hit(
            url="https://www.example.com/pricing?utm_source=google&utm_medium=cpc"
            "&utm_campaign=Spring&utm_term=analytics&utm_content=blue",
            referrer="https://www.google.com/search?q=secret",
            timezone="Europe/Vienna",
        )
    )

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
        hosts=("google.com", "google"),
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
        ("", "https://EXAMPLE.com:8443/", ""),
        ("", "https://notexample.com/", "notexample.com"),
        ("", "", ""),
    ],
)
def test_a_campaign_names_the_source_before_the_referrer_does(
    site: Site, query: str, referrer: str, source: str
) -> None:
    hit = enriched(make_hit(url=f"https://example.com/?{query}", referrer=referrer))

    assert hit.origin.source == source


def test_a_site_known_by_its_port_is_no_referrer_of_itself(site: Site) -> None:
    site.domain = "localhost:8000"
    site.save()

    hit = enriched(
        make_hit(
            domain="localhost:8000",
            url="app://embedded/",
            referrer="http://localhost:8000/before",
        )
    )

    assert hit.origin.channel == "Direct"


def test_campaigns_fit_their_columns(site: Site) -> None:
    hit = enriched(make_hit(url="https://example.com/?utm_campaign=" + "c" * 300))

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


def test_drops_are_counted_by_the_sites_day_and_reason(site: Site, other_site: Site) -> None:
    other_site.timezone = "Pacific/Auckland"  # noon in UTC is an hour after midnight there
    other_site.save()
    ingest(
        [
            make_hit(user_agent=GOOGLEBOT),
            make_hit(user_agent=GOOGLEBOT),
            make_hit(name="engagement"),
            make_hit(),
            make_hit(domain="unknown.example"),
            make_hit(domain="other.example", is_prefetch=True),
        ]
    )
    ingest([make_hit(user_agent=GOOGLEBOT)])

    counts = DailyCount.objects.exclude(name__in=[sign.value for sign in Sign])
    assert sorted(counts.values_list("site", "counted_on", "name", "count")) == [
        (site.pk, NOON.date(), "bot", 3),
        (site.pk, NOON.date(), "hits", 5),
        (site.pk, NOON.date(), "no_visit", 1),
        (other_site.pk, NOON.date() + DAY, "hits", 1),
        (other_site.pk, NOON.date() + DAY, "prefetch", 1),
    ]


def test_a_user_needs_no_salt_and_no_address(site: Site, data_dir: Path) -> None:
    hits = [
        enriched(make_hit(user_id="ada", address=address, user_agent=agent))
        for address, agent in [(ADDRESS, CHROME), ("", CHROME + " Edg/131.0.0.0")]
    ]

    assert hits[0].known_visitor == hits[1].known_visitor
    assert list(data_dir.iterdir()) == []


def test_nothing_is_made_of_no_hits() -> None:
    assert ingest([]) == []


@pytest.mark.parametrize("wish", ["gpc", "dnt"])
def test_a_wish_not_to_be_tracked_is_followed_where_the_site_says_so(wish: str, site: Site) -> None:
    wished = make_hit(gpc=wish == "gpc", dnt=wish == "dnt")
    other = make_hit(gpc=wish == "dnt", dnt=wish == "gpc")
    setattr(site, f"respects_{wish}", True)
    site.save()

    assert enrich(wished, Counter()) == Drop(DropReason(wish))
    assert isinstance(enrich(other, Counter()), Hit)
    assert isinstance(enrich(make_hit(), Counter()), Hit)
