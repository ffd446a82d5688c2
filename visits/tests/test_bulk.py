"""Visits that are loaded at once are those that the ORM would have stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sites.models import Site
from visits.bulk import (
    Amount,
    PastEvent,
    PastVisit,
    delete_visits,
    load_visits,
)
from visits.joining import ENGAGEMENT, PAGEVIEW
from visits.models import Event, Visit
from visits.rows import EVENT_FIELDS, VISIT_FIELDS
from visits.services import add_event, add_visit

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def views(*pages: str, at: datetime = NOON) -> list[PastEvent]:
    """Return a pageview of each page, a minute apart."""
    return [PastEvent(PAGEVIEW, at + n * MINUTE, page) for n, page in enumerate(pages)]


def fields_of(row: Visit | Event) -> dict[str, object]:
    """Return what is stored, but ids."""
    names = {field.attname for field in row._meta.concrete_fields} - {"id", "visit_id"}
    return {name: getattr(row, name) for name in names}


def test_no_field_is_forgotten() -> None:
    assert set(VISIT_FIELDS) == {field.name for field in Visit._meta.concrete_fields}
    assert {"id", *EVENT_FIELDS} == {field.name for field in Event._meta.concrete_fields}


def test_stores_what_the_services_store(site: Site) -> None:
    facts: dict[str, Any] = {"source": "Google", "country": "DE", "screen_width": 1440}
    by_service = add_visit(site=site, visitor=-7, started_at=NOON, address="203.0.113.7", **facts)
    add_event(visit=by_service, page="/", happened_at=NOON, title="Start")
    add_event(visit=by_service, name="Signup", happened_at=NOON + MINUTE, props={"plan": "solo"})
    add_event(
        visit=by_service,
        name=ENGAGEMENT,
        happened_at=NOON + 1.5 * MINUTE,
        engagement_ms=900,
        scroll_depth=80,
    )
    add_event(visit=by_service, page="/docs", happened_at=NOON + 2 * MINUTE)
    add_event(visit=by_service, name="Shown", happened_at=NOON + 3 * MINUTE, interactive=False)

    events = [
        PastEvent(PAGEVIEW, NOON, "/", "Start"),
        PastEvent("Signup", NOON + MINUTE, "/", props={"plan": "solo"}),
        PastEvent(ENGAGEMENT, NOON + 1.5 * MINUTE, "/", "", 900, 80),
        PastEvent(PAGEVIEW, NOON + 2 * MINUTE, "/docs"),
        PastEvent("Shown", NOON + 3 * MINUTE, "/", interactive=False),
    ]
    amount = load_visits(site, [PastVisit(-7, events, facts, address="203.0.113.7")])

    assert amount == Amount(visits=1, events=5)
    by_service.refresh_from_db()
    loaded = Visit.objects.latest("pk")
    assert loaded != by_service
    assert fields_of(loaded) == fields_of(by_service)
    both = (visit.events.order_by("happened_at") for visit in (by_service, loaded))
    for expected, event in zip(*both, strict=True):
        assert fields_of(event) == fields_of(expected)


@pytest.mark.parametrize(
    "at", [NOON, NOON.replace(microsecond=5), NOON.replace(microsecond=120_000)]
)
def test_times_are_found_by_the_orm(site: Site, at: datetime) -> None:
    load_visits(site, [PastVisit(1, views("/", at=at))])

    assert Event.objects.filter(happened_at=at, happened_on=at.date()).count() == 1
    assert Event.objects.filter(happened_at__lt=at).count() == 0
    assert Visit.objects.filter(started_at=at, last_event_at=at).count() == 1
    assert Visit.objects.filter(started_on="2026-03-10", entry_page_at=at, exit_page_at=at).exists()


def test_days_are_those_of_the_site(site: Site) -> None:
    site.timezone = "Asia/Kolkata"  # UTC+5:30
    before = datetime(2026, 3, 10, 18, 29, tzinfo=UTC)
    load_visits(site, [PastVisit(1, views("/", "/docs", at=before))])

    days = Event.objects.order_by("happened_at").values_list("happened_on", flat=True)
    assert [day.isoformat() for day in days] == ["2026-03-10", "2026-03-11"]
    assert Visit.objects.get().started_on.isoformat() == "2026-03-10"


def test_takes_times_of_any_zone(site: Site) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    load_visits(site, [PastVisit(1, views("/", at=datetime(2026, 3, 29, 3, tzinfo=berlin)))])

    assert Event.objects.get().happened_at == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_keeps_revenue(site: Site) -> None:
    sale = PastEvent("Sale", NOON, "/", revenue_amount=Decimal("0.00"), revenue_currency="EUR")
    load_visits(site, [PastVisit(1, [sale])])

    assert Event.objects.get().revenue_amount == Decimal(0)
    assert Visit.objects.get().entry_page == ""


def test_each_batch_is_told_and_holds_whole_visits(site: Site) -> None:
    told: list[Amount] = []
    visits = [PastVisit(n, views("/", "/docs")) for n in range(5)]

    assert load_visits(site, visits, batch_events=3, tell=told.append) == Amount(5, 10)
    assert told == [Amount(2, 4), Amount(2, 4), Amount(1, 2)]
    assert {visit.events.count() for visit in Visit.objects.all()} == {2}


def test_nothing_comes_of_nothing(site: Site) -> None:
    assert load_visits(site, []) == Amount(0, 0)


def test_ids_go_on_after_a_load(site: Site) -> None:
    load_visits(site, [PastVisit(n, views("/")) for n in range(3)])
    last = Visit.objects.latest("pk").pk

    assert add_visit(site=site, visitor=9).pk > last
    load_visits(site, [PastVisit(4, views("/"))])
    assert Visit.objects.count() == 5


@pytest.mark.parametrize(
    ("visit", "error"),
    [
        (PastVisit(1, []), ValueError),
        (PastVisit(1, views("/", at=NOON.replace(tzinfo=None))), ValueError),
        (PastVisit(1, views("/"), {"shoe_size": 43}), TypeError),
    ],
    ids=["no events", "naive time", "unknown fact"],
)
def test_refuses_what_is_no_visit(site: Site, visit: PastVisit, error: type[Exception]) -> None:
    with pytest.raises(error):
        load_visits(site, [visit])

    assert Visit.objects.count() == 0


def test_deletes_one_site_s_visits_only(site: Site, other_site: Site) -> None:
    told: list[Amount] = []
    for each in (site, other_site):
        load_visits(each, [PastVisit(n, views("/", "/docs")) for n in range(5)])

    assert delete_visits(site, batch_visits=2, tell=told.append) == Amount(5, 10)
    assert told == [Amount(2, 4), Amount(2, 4), Amount(1, 2)]
    assert Visit.objects.for_site(other_site).count() == 5
    assert Event.objects.for_site(other_site).count() == 10
    assert not Event.objects.for_site(site).exists()
