"""Programs add visits, find them, and add events to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from sites.models import Site
from visits.models import Event, Visit
from visits.services import add_event, add_visit, get_visit
from visits.tests.hits import HOUR, MINUTE, NOON

NAIVE = datetime(2026, 3, 10, 12)  # noqa: DTZ001 -- what is refused


def test_a_new_visit_has_no_events(site: Site) -> None:
    visit = get_visit(id=add_visit(site=site, visitor=7, started_at=NOON).pk)

    assert (visit.site, visit.visitor, visit.hostname) == (site, 7, "example.com")
    assert (visit.started_at, visit.last_event_at) == (NOON, NOON)
    assert (visit.pageviews, visit.interactive_events, visit.address) == (0, 0, None)
    assert not visit.events.exists()


def test_a_visit_begins_now_unless_a_time_is_given(site: Site) -> None:
    before = timezone.now()

    visit = add_visit(site=site, visitor=7)

    assert before <= visit.started_at <= timezone.now()


def test_a_visit_takes_the_facts_that_its_first_event_would_decide(site: Site) -> None:
    visit = add_visit(
        site=site,
        visitor=7,
        started_at=NOON,
        hostname="shop.example.com",
        address="203.0.113.7",
        browser="Firefox",
        source="Google",
        country="AT",
        screen_width=1280,
    )

    visit = get_visit(id=visit.pk)
    assert (visit.hostname, visit.address) == ("shop.example.com", "203.0.113.7")
    assert (visit.browser, visit.source, visit.country, visit.screen_width) == (
        "Firefox",
        "Google",
        "AT",
        1280,
    )


@pytest.mark.parametrize("fact", ["colour", "pageviews", "id"])
def test_what_is_no_fact_of_a_visit_is_refused(site: Site, fact: str) -> None:
    facts: dict[str, Any] = {fact: 1}

    with pytest.raises(TypeError, match=f"A visit has no {fact}"):
        add_visit(site=site, visitor=7, **facts)

    assert not Visit.objects.exists()


def test_days_are_the_sites(site: Site) -> None:
    site.timezone = "Asia/Kolkata"
    late = NOON + 7 * HOUR  # half past midnight there

    visit = add_visit(site=site, visitor=7, started_at=late)
    site.save()
    event = add_event(visit=visit, happened_at=late)

    assert visit.started_on.isoformat() == event.happened_on.isoformat() == "2026-03-11"


def test_a_time_without_its_zone_is_refused(site: Site) -> None:
    visit = add_visit(site=site, visitor=7, started_at=NOON)

    with pytest.raises(ValueError, match="with its zone"):
        add_visit(site=site, visitor=8, started_at=NAIVE)
    with pytest.raises(ValueError, match="with its zone"):
        add_event(visit=visit, happened_at=NAIVE)

    assert Visit.objects.count() == 1
    assert not Event.objects.exists()


def test_a_visit_comes_with_its_site_in_one_query(
    site: Site, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    added = add_visit(site=site, visitor=7)

    with django_assert_num_queries(1):
        assert get_visit(id=added.pk).site.domain == "example.com"


@pytest.mark.django_db
def test_an_unknown_id_finds_no_visit() -> None:
    with pytest.raises(Visit.DoesNotExist):
        get_visit(id=1)


def test_events_are_counted_in_their_visit(site: Site) -> None:
    """A visit of ten minutes: two pages, time on the first, a signup, a video that plays itself."""
    visit = add_visit(site=site, visitor=7, started_at=NOON)
    add_event(visit=visit, page="/", happened_at=NOON)
    add_event(
        visit=visit,
        name="engagement",
        happened_at=NOON + MINUTE,
        engagement_ms=60_000,
        scroll_depth=80,
    )
    add_event(visit=visit, page="/thanks", happened_at=NOON + 5 * MINUTE, title="Thanks")
    add_event(visit=visit, name="signup", happened_at=NOON + 6 * MINUTE, props={"plan": "pro"})
    add_event(visit=visit, name="video", happened_at=NOON + 10 * MINUTE, interactive=False)

    stored = get_visit(id=visit.pk)
    assert (stored.pageviews, stored.interactive_events) == (2, 1)
    assert (stored.entry_page, stored.exit_page) == ("/", "/thanks")
    assert stored.duration == timedelta(minutes=10)
    assert list(
        stored.events.order_by("happened_at").values_list(
            "name", "page", "title", "interactive", "props", "engagement_ms", "scroll_depth"
        )
    ) == [
        ("pageview", "/", "", True, {}, None, None),
        ("engagement", "/", "", True, {}, 60_000, 80),
        ("pageview", "/thanks", "Thanks", True, {}, None, None),
        ("signup", "/", "", True, {"plan": "pro"}, None, None),
        ("video", "/", "", False, {}, None, None),
    ]


def test_an_event_is_of_its_visits_site_and_host(site: Site) -> None:
    visit = add_visit(site=site, visitor=7, hostname="shop.example.com")

    event = add_event(visit=visit)

    assert (event.site, event.visit, event.hostname) == (site, visit, "shop.example.com")
    assert event.happened_at.tzinfo is UTC


def test_events_that_were_added_elsewhere_stay_counted(site: Site) -> None:
    visit = add_visit(site=site, visitor=7, started_at=NOON)
    seen_elsewhere = get_visit(id=visit.pk)
    add_event(visit=seen_elsewhere, page="/a", happened_at=NOON)

    add_event(visit=visit, page="/b", happened_at=NOON + MINUTE)

    stored = get_visit(id=visit.pk)
    assert (stored.pageviews, stored.entry_page, stored.exit_page) == (2, "/a", "/b")


def test_the_first_event_decides_when_a_visit_began(site: Site) -> None:
    visit = add_visit(site=site, visitor=7, started_at=NOON)
    add_event(visit=visit, happened_at=NOON + HOUR)

    assert visit.started_at == visit.last_event_at == NOON + HOUR
    assert visit.duration == timedelta(0)


@pytest.mark.parametrize("minutes", [-31, 31])
def test_an_event_beyond_30_minutes_belongs_to_another_visit(site: Site, minutes: int) -> None:
    visit = add_visit(site=site, visitor=7, started_at=NOON)
    add_event(visit=visit, happened_at=NOON)

    with pytest.raises(ValueError, match="add another visit"):
        add_event(visit=visit, happened_at=NOON + minutes * MINUTE)
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 121},
        {"page": "/" * 2001},
        {"scroll_depth": 101},
        {"engagement_ms": -5},
    ],
)
def test_an_event_that_no_field_can_hold_is_refused(site: Site, wrong: dict[str, Any]) -> None:
    visit = add_visit(site=site, visitor=7, started_at=NOON)

    with pytest.raises(ValidationError) as refusal:
        add_event(visit=visit, happened_at=NOON, **wrong)
    assert set(refusal.value.message_dict) == set(wrong)
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"country": "Germany"}, {"address": "nonsense"}, {"visitor": 2**63}]
)
def test_a_visit_that_no_field_can_hold_is_refused(site: Site, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refusal:
        add_visit(**{"site": site, "visitor": 7, "started_at": NOON, **wrong})
    assert set(wrong) <= set(refusal.value.message_dict)
    assert not Visit.objects.exists()
