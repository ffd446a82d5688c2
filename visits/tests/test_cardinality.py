"""How many distinct values a field may have on one of a site's days, and what becomes of others."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from sites.models import Site
from visits.daily import BOUNDED_VALUES
from visits.ingestion.cardinality import (
    FIELDS,
    MAX_EVENT_NAMES,
    MAX_HOSTNAMES,
    MAX_PROPERTIES,
    OTHER,
    DistinctValues,
)
from visits.ingestion.hit import Hit, Origin, Page
from visits.ingestion.pipeline import ingest
from visits.models import Event, Visit
from visits.tests.hits import DAY, HOUR, MINUTE, NOON, Sender, make_hit


def hit_of(site_id: int = 1, *, at: datetime = NOON, zone: str = "UTC", **fields: Any) -> Hit:
    """Return a hit of a site that no database needs to know, its page and origin already read."""
    parts = {part: fields.pop(part) for part in ("page", "origin") if part in fields}
    site = Site(pk=site_id, domain="example.com", timezone=zone)
    return make_hit(site=site, at=at, **fields).put(**parts)


def with_value(field: str, value: str) -> Hit:
    part, _, name = field.partition(".")
    hit = hit_of()
    return hit.put(**{part: replace(getattr(hit, part), **{name: value})})


def read(hit: Hit, field: str) -> Any:
    part, _, name = field.partition(".")
    return getattr(getattr(hit, part), name)


def page_of(values: DistinctValues, path: str, **fields: Any) -> str:
    """Return the page that is stored for a hit of `path`."""
    return values.bound(hit_of(page=Page("example.com", path), **fields)).page.path


@pytest.mark.parametrize("field", FIELDS)
def test_a_new_value_beyond_the_limit_becomes_other(field: str) -> None:
    limit = FIELDS[field] or 100
    values = DistinctValues(most=100)
    for number in range(limit):
        assert values.bound(with_value(field, f"v{number}")).bounded_values == 0

    bounded = values.bound(with_value(field, "one too many"))

    assert read(bounded, field) == OTHER
    assert bounded.bounded_values == 1


@pytest.mark.parametrize("field", FIELDS)
def test_values_seen_before_stay_themselves(field: str) -> None:
    limit = FIELDS[field] or 100
    values = DistinctValues(most=100)
    for number in range(limit + 10):
        values.bound(with_value(field, f"v{number}"))

    assert {
        read(values.bound(with_value(field, f"v{number}")), field) for number in range(limit)
    } == {f"v{number}" for number in range(limit)}


def test_the_other_parts_of_a_hit_are_left_as_they_are() -> None:
    values = DistinctValues(most=1)
    values.bound(hit_of(page=Page("example.com", "/first"), title="First"))
    hit = hit_of(
        page=Page("example.com", "/second"), title="Second", origin=Origin(source="Google")
    )

    bounded = values.bound(hit)

    assert bounded.page == Page("example.com", OTHER)
    assert bounded.sent.title == OTHER
    assert bounded.sent.name == "pageview"
    assert bounded.origin is hit.origin
    assert bounded.bounded_values == 2


def test_a_hit_within_the_limits_is_not_copied() -> None:
    values = DistinctValues(most=5)
    hit = hit_of(title="T", props={"plan": "pro"}, origin=Origin(source="Google"))

    assert values.bound(hit) is hit
    assert values.bound(hit) is hit


def test_the_constants_are_smaller_where_a_site_has_few() -> None:
    assert (MAX_HOSTNAMES, MAX_EVENT_NAMES, MAX_PROPERTIES) == (1_000, 1_000, 500)


@pytest.mark.parametrize("name", ["pageview", "engagement"])
def test_the_reserved_names_always_stay(name: str) -> None:
    values = DistinctValues(most=100)
    for number in range(MAX_EVENT_NAMES + 1):
        values.bound(with_value("sent.name", f"event {number}"))

    assert values.bound(hit_of(name="one too many")).sent.name == OTHER
    assert values.bound(hit_of(name=name)).sent.name == name


def test_an_empty_value_stays_empty() -> None:
    values = DistinctValues(most=1)
    values.bound(hit_of(title="T", origin=Origin(source="Google", referrer="google.com")))

    assert values.bound(hit_of()).bounded_values == 0


# Properties -----------------------------------------------------------------------------------


def test_each_property_has_its_own_values() -> None:
    values = DistinctValues(most=2)
    for number in range(3):
        values.bound(hit_of(props={"plan": f"p{number}"}))

    bounded = values.bound(hit_of(props={"plan": "p9", "size": "p9"}))

    assert bounded.sent.props == {"plan": OTHER, "size": "p9"}
    assert bounded.bounded_values == 1
    assert values.bound(hit_of(props={"plan": "p1"})).sent.props == {"plan": "p1"}


def test_keys_beyond_the_limit_become_one_that_is_other() -> None:
    values = DistinctValues(most=100)
    for number in range(MAX_PROPERTIES):
        values.bound(hit_of(props={f"key {number}": "a"}))

    bounded = values.bound(hit_of(props={"key 1": "a", "new": "b", "newer": "c"}))

    assert bounded.sent.props == {"key 1": "a", OTHER: OTHER}
    assert bounded.bounded_values == 2


def test_the_empty_text_is_a_propertys_value_like_any() -> None:
    values = DistinctValues(most=1)
    values.bound(hit_of(props={"plan": "pro"}))

    assert values.bound(hit_of(props={"plan": ""})).sent.props == {"plan": OTHER}


# Sites and days -------------------------------------------------------------------------------


def test_one_sites_values_take_nothing_from_another() -> None:
    values = DistinctValues(most=1)
    page_of(values, "/a")

    assert page_of(values, "/b") == OTHER
    assert page_of(values, "/b", site_id=2) == "/b"


def test_the_next_day_begins_anew() -> None:
    values = DistinctValues(most=1)
    page_of(values, "/a")

    assert page_of(values, "/b") == OTHER
    assert page_of(values, "/b", at=NOON + DAY) == "/b"
    # The day before is still known, for what comes late.
    assert page_of(values, "/c", at=NOON + DAY) == OTHER
    assert page_of(values, "/a", at=NOON) == "/a"


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("UTC", datetime(2026, 3, 11, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 3, 10, 18, 30, tzinfo=UTC)),
        ("America/St_Johns", datetime(2026, 3, 11, 2, 30, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2026, 3, 10, 10, tzinfo=UTC)),
        ("Pacific/Pago_Pago", datetime(2026, 3, 11, 11, tzinfo=UTC)),
    ],
)
def test_the_day_is_the_sites(zone: str, midnight: datetime) -> None:
    values = DistinctValues(most=1)
    page_of(values, "/a", at=midnight - HOUR, zone=zone)

    assert page_of(values, "/b", at=midnight - MINUTE, zone=zone) == OTHER
    assert page_of(values, "/b", at=midnight, zone=zone) == "/b"


def test_a_hit_of_before_yesterday_shares_the_limit_of_the_first_day_kept() -> None:
    values = DistinctValues(most=1)
    late = hit_of(at=NOON + 2 * DAY, sent_at=NOON, page=Page("example.com", "/late"))

    assert values.bound(late).page.path == "/late"
    assert page_of(values, "/yesterday", at=NOON + DAY) == OTHER
    assert page_of(values, "/today", at=NOON + 2 * DAY) == "/today"


def test_days_that_are_over_are_forgotten() -> None:
    values = DistinctValues(most=100)
    for day in range(30):
        for number in range(10):
            page_of(values, f"/{number}", at=NOON + day * DAY)
        # The host and ten pages of today, and of yesterday.
        assert len(values) == (11 if day == 0 else 22)


def test_a_clock_that_steps_back_begins_its_days_anew() -> None:
    values = DistinctValues(most=1)
    page_of(values, "/a", at=NOON + 365 * DAY)

    assert page_of(values, "/b") == "/b"
    assert page_of(values, "/c") == OTHER


# Memory ---------------------------------------------------------------------------------------


def fill(values: DistinctValues, site_id: int, pages: int) -> int:
    """Send a site so many pages; return how many stayed themselves."""
    return sum(page_of(values, f"/{n}", site_id=site_id) != OTHER for n in range(pages))


def test_the_largest_site_stops_first_and_there_is_room_for_a_small_one() -> None:
    values = DistinctValues(most=100_000, most_kept=1_000)

    # Half, and so on of what is left; each site's host counts too.
    assert [fill(values, site_id, 2_000) for site_id in (1, 2, 3)] == [499, 249, 124]
    assert fill(values, 4, 20) == 20
    # The largest one's go on.
    assert page_of(values, "/1") == "/1"
    assert page_of(values, "/new") == OTHER


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.integers(0, 5), st.integers(1, 60)),
        min_size=1,
        max_size=40,
    )
)
def test_never_more_than_the_bound_is_kept(floods: list[tuple[int, int, int]]) -> None:
    values = DistinctValues(most=50, most_kept=200)
    for site_id, day, number in floods:
        for n in range(number):
            values.bound(hit_of(site_id, at=NOON + day * DAY, title=f"{n}", props={f"{n}": "x"}))
        assert len(values) <= 200


def test_pages_without_end_cost_a_bounded_number_of_values() -> None:
    values = DistinctValues(most=100)
    pages = {page_of(values, f"/{number}") for number in range(5_000)}

    assert len(pages) == 101
    assert len(values) == 101


def test_threads_at_once_do_not_exceed_a_limit() -> None:
    values = DistinctValues(most=500)
    hits = [[hit_of(title=f"{t}-{n}") for n in range(100)] for t in range(50)]
    all_ready = threading.Barrier(50)

    def send(group: list[Hit]) -> set[str]:
        all_ready.wait(timeout=30)
        return {values.bound(hit).sent.title for hit in group}

    with ThreadPoolExecutor(max_workers=50) as pool:
        titles = set().union(*pool.map(send, hits))

    assert len(titles - {OTHER}) == 500


# From the door to the database ----------------------------------------------------------------


@pytest.fixture
def two_values(settings: Settings) -> None:
    """Two values for each field that has no limit of its own."""
    settings.MAX_DISTINCT_VALUES = 2


@pytest.mark.usefixtures("two_values")
def test_the_database_gets_no_more_values_than_the_limit(site: Site, send: Sender) -> None:
    for number in range(6):
        answer = send(
            u=f"https://example.com/{number}?utm_source=newsletter-{number}&utm_medium=email",
            t=f"Title {number}",
            p={"plan": f"plan {number}"},
            address=f"203.0.113.{number}",
        )
        assert answer.status_code == 202
        assert "X-Tracking-Dropped" not in answer.headers

    assert [set(Event.objects.values_list(field, flat=True)) for field in ("page", "title")] == [
        {"/0", "/1", OTHER},
        {"Title 0", "Title 1", OTHER},
    ]
    assert {event.props["plan"] for event in Event.objects.all()} == {"plan 0", "plan 1", OTHER}
    assert set(Visit.objects.values_list("utm_source", "source", "utm_medium", "entry_page")) == {
        ("newsletter-0", "newsletter-0", "email", "/0"),
        ("newsletter-1", "newsletter-1", "email", "/1"),
        (OTHER, OTHER, "email", OTHER),
    }
    # Page, title, property, utm_source and source of four hits.
    assert site.daily_counts.get(name=BOUNDED_VALUES).count == 20


@pytest.mark.usefixtures("two_values")
def test_the_channel_follows_from_the_true_source(site: Site) -> None:
    for number, referrer in enumerate(
        ["https://a.example/", "https://b.example/", "https://www.google.com/"]
    ):
        ingest([make_hit(referrer=referrer, address=f"203.0.113.{number}")])

    assert list(Visit.objects.order_by("pk").values_list("source", "channel")) == [
        ("a.example", "Referral"),
        ("b.example", "Referral"),
        (OTHER, "Organic Search"),
    ]


@pytest.mark.usefixtures("two_values")
def test_time_on_a_page_goes_to_the_page_of_its_view(site: Site) -> None:
    paths = ["/a", "/b", "/c"]
    for path in paths:
        ingest([make_hit(url=f"https://example.com{path}")])
    for path in paths:
        hit = make_hit(url=f"https://example.com{path}", name="engagement", engagement_ms=1_000)
        ingest([hit.put(received_at=NOON + MINUTE)])

    assert list(
        Event.objects.filter(name="engagement").order_by("pk").values_list("page", flat=True)
    ) == ["/a", "/b", OTHER]


def test_a_count_of_nothing_is_not_stored(site: Site, send: Sender) -> None:
    send()

    assert not site.daily_counts.filter(name=BOUNDED_VALUES).exists()
