"""Hits join visits: one visit while no gap is over 30 minutes, each hit stored once."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connections
from pytest_django import DjangoAssertNumQueries

from sites.models import Site
from sites.services import add_site
from visits.ingestion.hit import Drop, DropReason, Visitor
from visits.ingestion.pipeline import ingest
from visits.ingestion.writer import Stored, store_group
from visits.models import Event, Visit
from visits.tests.hits import ADDRESS, DAY, HOUR, MINUTE, NOON, SECOND, make_hit

GAP = timedelta(minutes=30)


def take(at: datetime = NOON, **hit: Any) -> Stored | Drop:
    """Take one hit in at its time, alone, and return its verdict."""
    return ingest([make_hit(at=at, **hit)])[0]


def figures(visit: Visit) -> tuple[int, int, float, str, str]:
    """Return pageviews, interactive events, seconds, entry page and exit page."""
    return (
        visit.pageviews,
        visit.interactive_events,
        visit.duration.total_seconds(),
        visit.entry_page,
        visit.exit_page,
    )


@pytest.mark.parametrize(
    ("gap", "visits"),
    [
        (timedelta(0), 1),
        (SECOND, 1),
        (GAP - SECOND, 1),
        (GAP, 1),
        (GAP + timedelta(microseconds=1), 2),
        (GAP + SECOND, 2),
    ],
)
@pytest.mark.parametrize("first", [NOON, NOON + 59 * SECOND], ids=[":00", ":59"])
def test_a_gap_over_30_minutes_begins_a_visit(
    site: Site, first: datetime, gap: timedelta, visits: int
) -> None:
    take(first)
    take(first + gap)

    assert Visit.objects.count() == visits
    assert Event.objects.count() == 2


def test_every_event_keeps_a_visit_open(site: Site) -> None:
    """A visit of an hour and a quarter: a pageview, time on it, a signup, a second page."""
    take(NOON)
    take(NOON + 25 * MINUTE, name="engagement", engagement_ms=9000, scroll_depth=40)
    take(NOON + 50 * MINUTE, name="signup")
    take(NOON + 75 * MINUTE, url="https://example.com/thanks")

    visit = Visit.objects.get()
    assert figures(visit) == (2, 1, 75 * 60, "/", "/thanks")
    assert visit.events.count() == 4


def test_one_visit_as_it_is_stored(site: Site) -> None:
    take(
        NOON,
        url="https://www.example.com/pricing?utm_source=fb&utm_medium=paid&utm_campaign=Spring"
        "&utm_term=t&utm_content=c",
        referrer="https://l.facebook.com/l.php?u=x",
        title="Prices",
        screen_width=1280,
        language="de-AT",
        timezone="Europe/Vienna",
    )
    take(
        NOON + MINUTE,
        name="purchase",
        props={"plan": "pro"},
        revenue_amount=Decimal("12.30"),
        revenue_currency="EUR",
        event_id="order-1",
    )

    visit = Visit.objects.get()
    assert {
        name: getattr(visit, name) for name in visit.__dict__ if name not in {"_state", "id"}
    } == {
        "site_id": site.pk,
        "visitor": visit.visitor,
        "latest_visitor": visit.visitor,
        "started_at": NOON,
        "started_on": NOON.date(),
        "last_event_at": NOON + MINUTE,
        "pageviews": 1,
        "interactive_events": 1,
        "hostname": "example.com",
        "entry_page": "/pricing",
        "entry_page_at": NOON,
        "exit_page": "/pricing",
        "exit_page_at": NOON,
        "referrer": "l.facebook.com/l.php",
        "source": "Facebook",
        "channel": "Paid Social",
        "utm_source": "fb",
        "utm_medium": "paid",
        "utm_campaign": "Spring",
        "utm_term": "t",
        "utm_content": "c",
        "country": "AT",
        "region": "",
        "city": "",
        "browser": "Chrome",
        "browser_version": "131",
        "operating_system": "Windows",
        "operating_system_version": "10",
        "device": "desktop",
        "screen_width": 1280,
        "language": "de-AT",
        "address": None,
    }
    assert list(
        visit.events.order_by("happened_at").values_list(
            "name", "page", "title", "props", "revenue_amount", "revenue_currency", "event_id"
        )
    ) == [
        ("pageview", "/pricing", "Prices", {}, None, "", ""),
        ("purchase", "/", "", {"plan": "pro"}, Decimal("12.3000"), "EUR", "order-1"),
    ]


def test_the_first_event_decides_where_a_visit_came_from(site: Site) -> None:
    take(NOON, referrer="https://google.com/")
    take(NOON + MINUTE, referrer="https://bing.com/", timezone="Europe/Vienna", language="fr")

    assert list(Visit.objects.values_list("source", "country", "language")) == [("Google", "", "")]


def test_visitors_and_sites_have_visits_of_their_own(site: Site, other_site: Site) -> None:
    take(NOON)
    take(NOON, address="203.0.113.8")
    take(NOON, domain="other.example")

    assert Visit.objects.for_site(site).count() == 2
    assert Visit.objects.for_site(other_site).count() == 1
    assert Visit.objects.values("visitor").distinct().count() == 3


def test_a_visit_across_midnight_keeps_its_visitor(site: Site) -> None:
    midnight = NOON + 12 * HOUR
    for at in (midnight - MINUTE, midnight + MINUTE, midnight + 20 * MINUTE):
        take(at)

    visit = Visit.objects.get()
    assert figures(visit)[:3] == (3, 0, 21 * 60)
    assert visit.started_on == NOON.date()
    assert list(visit.events.order_by("happened_at").values_list("happened_on", flat=True)) == [
        NOON.date(),
        NOON.date() + DAY,
        NOON.date() + DAY,
    ]


def test_the_sites_own_midnight_is_the_one_that_counts(site: Site) -> None:
    site.timezone = "Asia/Kolkata"  # midnight is 18:30 UTC
    site.save()
    midnight = NOON + 6.5 * HOUR
    take(midnight - 31 * MINUTE)
    take(midnight)

    assert list(Visit.objects.order_by("started_at").values_list("started_on", flat=True)) == [
        NOON.date(),
        NOON.date() + DAY,
    ]


def test_a_visit_that_begins_after_midnight_is_a_new_visitors(site: Site) -> None:
    midnight = NOON + 12 * HOUR
    take(midnight - 20 * MINUTE)
    take(midnight + 11 * MINUTE)

    assert Visit.objects.values("visitor").distinct().count() == 2


def test_a_visit_goes_on_across_any_number_of_midnights(site: Site) -> None:
    """Somebody who never stops: a hit each 20 minutes from noon to noon two days later."""
    for number in range(2 * 72 + 1):
        take(NOON + number * 20 * MINUTE)

    assert figures(Visit.objects.get())[0] == 145


def test_a_hit_from_before_midnight_that_comes_late_joins_the_visit_from_after_it(
    site: Site,
) -> None:
    midnight = NOON + 12 * HOUR
    take(midnight + SECOND)
    take(midnight - HOUR, address="203.0.113.8")  # the day before has a salt
    take(midnight - SECOND)

    visit = Visit.objects.get(pageviews=2)
    assert visit.started_at == midnight - SECOND
    assert visit.started_on == NOON.date()


def test_engagement_without_a_visit_is_dropped(site: Site) -> None:
    late = {"name": "engagement", "engagement_ms": 1000}

    assert take(NOON, **late) == Drop(DropReason.NO_VISIT)
    take(NOON)
    assert take(NOON + GAP + SECOND, **late) == Drop(DropReason.NO_VISIT)
    assert take(NOON + SECOND, address="203.0.113.8", **late) == Drop(DropReason.NO_VISIT)
    assert isinstance(take(NOON + GAP, **late), Stored)

    assert list(Event.objects.order_by("happened_at").values_list("name", flat=True)) == [
        "pageview",
        "engagement",
    ]


def test_a_custom_event_alone_is_a_visit_without_pages(site: Site) -> None:
    take(NOON, name="signup")

    visit = Visit.objects.get()
    assert figures(visit) == (0, 1, 0, "", "")
    assert (visit.entry_page_at, visit.exit_page_at) == (None, None)


def test_an_event_id_is_stored_once(site: Site) -> None:
    first = take(NOON, event_id="a-1")
    again = take(NOON + MINUTE, event_id="a-1")

    assert isinstance(first, Stored)
    assert again == Stored(None)
    assert figures(Visit.objects.get()) == (1, 0, 0, "/", "/")
    assert Event.objects.count() == 1


def test_an_event_id_is_stored_once_within_a_group(site: Site) -> None:
    ingest([make_hit(event_id="a-1"), make_hit(event_id="a-1"), make_hit(event_id="a-2")])

    assert Event.objects.count() == 2


def test_an_event_id_counts_whoever_sends_it_and_for_its_own_site_only(
    site: Site, other_site: Site
) -> None:
    take(NOON, event_id="a-1")
    take(NOON, event_id="a-1", address="203.0.113.8")
    take(NOON, event_id="a-1", domain="other.example")

    assert list(Event.objects.order_by("site").values_list("site", flat=True)) == [
        site.pk,
        other_site.pk,
    ]


def test_hits_without_an_event_id_are_never_repeats(site: Site) -> None:
    take(NOON)
    take(NOON)

    assert Event.objects.count() == 2


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("together", [True, False], ids=["one group", "one by one"])
def test_hits_out_of_order_make_the_same_visit(
    site: Site, order: tuple[int, ...], *, together: bool
) -> None:
    hits = [
        make_hit(at=NOON + number * 10 * MINUTE, url=f"https://example.com/{number}")
        for number in range(3)
    ]
    groups = [[hits[number] for number in order]]
    for group in groups if together else [[hit] for hit in groups[0]]:
        ingest(group)

    visit = Visit.objects.get()
    assert figures(visit) == (3, 0, 20 * 60, "/0", "/2")
    assert visit.started_at == NOON


@pytest.mark.parametrize("early", [GAP, GAP + SECOND])
def test_a_late_hit_reaches_back_30_minutes_and_no_further(site: Site, early: timedelta) -> None:
    take(NOON)
    take(NOON - early)

    assert Visit.objects.count() == (1 if early == GAP else 2)


def test_a_hit_between_two_visits_makes_them_one(site: Site) -> None:
    earlier = take(NOON, url="https://example.com/first", referrer="https://google.com/")
    take(NOON + 40 * MINUTE, url="https://example.com/last", referrer="https://bing.com/")
    take(NOON + 20 * MINUTE, name="signup")

    visit = Visit.objects.get()
    assert earlier == Stored(visit.pk)
    assert figures(visit) == (2, 1, 40 * 60, "/first", "/last")
    assert visit.source == "Google"
    assert visit.events.count() == Event.objects.count() == 3


def test_an_earlier_hit_decides_where_its_visit_came_from(site: Site) -> None:
    site.address_kept = Site.AddressKept.WHOLE
    site.save()
    came_at = NOON + HOUR
    take(
        came_at,
        sent_at=NOON,
        user_id="ada",
        referrer="https://bing.com/",
        address="203.0.113.8",
    )
    take(
        came_at,
        sent_at=NOON - MINUTE,
        user_id="ada",
        url="https://shop.example.com/?utm_campaign=Spring",
        referrer="https://google.com/",
        timezone="Europe/Vienna",
        language="fr",
    )

    assert list(
        Visit.objects.values_list(
            "source", "utm_campaign", "country", "language", "hostname", "address"
        )
    ) == [("Google", "Spring", "AT", "fr", "shop.example.com", ADDRESS)]


def test_an_earlier_hit_from_before_midnight_decides_whose_visit_it_is(site: Site) -> None:
    midnight = NOON + 12 * HOUR
    came_at = midnight + HOUR
    take(NOON)  # the visitor's id of the day before
    take(came_at, sent_at=midnight + MINUTE)
    take(came_at, sent_at=midnight - MINUTE)

    noon, night = Visit.objects.order_by("started_at")
    assert night.visitor == noon.visitor
    assert night.latest_visitor != night.visitor
    assert night.started_on == NOON.date()


@pytest.mark.parametrize(
    ("kept", "address", "stored"),
    [
        (Site.AddressKept.NONE, ADDRESS, None),
        (Site.AddressKept.SHORTENED, ADDRESS, "203.0.113.0"),
        (Site.AddressKept.SHORTENED, "2001:db8:1:2::3", "2001:db8:1::"),
        (Site.AddressKept.WHOLE, ADDRESS, ADDRESS),
        (Site.AddressKept.WHOLE, "", None),
        (Site.AddressKept.SHORTENED, "", None),
    ],
)
def test_of_an_address_is_stored_what_the_site_keeps(
    site: Site, kept: str, address: str, stored: str | None
) -> None:
    site.address_kept = kept
    site.save()

    take(NOON, address=address)

    assert Visit.objects.get().address == stored


def test_a_group_costs_few_statements_however_many_hits_it_has(
    site: Site, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    hits = [
        make_hit(
            at=NOON + number * SECOND, site=site, visitor=Visitor(number % 10), event_id=str(n)
        )
        for number, n in enumerate(range(100))
    ]
    store_group(hits[:50])

    # Savepoint, lock, visits, ids, new visits, grown visits, events, release.
    with django_assert_max_num_queries(11):
        store_group(hits[50:])

    assert Visit.objects.count() == 10
    assert Event.objects.count() == 100


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("days_apart", [0, 1], ids=["by day", "across midnight"])
def test_hits_of_one_visitor_at_the_same_instant_make_one_visit(days_apart: int) -> None:
    add_site(domain="example.com")
    at = NOON + days_apart * 12 * HOUR
    if days_apart:
        take(at - 20 * MINUTE, name="signup")
    threads_in_all, hits_each = 4, 5
    together = Barrier(threads_in_all)
    failures: list[BaseException] = []

    def send(number: int) -> None:
        try:
            together.wait(timeout=20)
            for repeat in range(hits_each):
                moment = (number + repeat) % 2 * days_apart * SECOND
                take(at - moment, url=f"https://example.com/{number}/{repeat}")
        except BaseException as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [Thread(target=send, args=[number]) for number in range(threads_in_all)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert failures == []
    visit = Visit.objects.get()
    assert visit.pageviews == threads_in_all * hits_each
    assert visit.events.filter(name="pageview").count() == threads_in_all * hits_each


@pytest.mark.django_db(transaction=True)
def test_an_event_id_sent_at_the_same_instant_is_stored_once() -> None:
    add_site(domain="example.com")
    together = Barrier(4)
    verdicts: list[Stored | Drop] = []

    def send() -> None:
        try:
            together.wait(timeout=20)
            verdicts.append(take(NOON, event_id="a-1"))
        finally:
            connections.close_all()

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert sorted(verdict == Stored(None) for verdict in verdicts) == [False, True, True, True]
    assert Event.objects.count() == 1
    assert Visit.objects.get().pageviews == 1
