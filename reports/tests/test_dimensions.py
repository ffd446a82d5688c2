"""Every dimension, over four visits that a reader can count."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest

from reports.dates import DateRange, Interval
from reports.dimensions import DIMENSIONS, SCREEN, TIME, Dimension, property_dimension
from reports.metrics import EVENTS, PAGEVIEWS, VISITORS
from reports.queries import ReportQuery, break_down
from reports.tests.histories import view
from reports.warehouse.base import Warehouse
from reports.warehouse.embedded import open_warehouse
from sites.models import Site
from visits.services import add_event, add_visit

#: Tuesday; in Kolkata, five and a half hours ahead, it is 23:50.
LATE: Final = datetime(2026, 3, 10, 18, 20, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)

GERMAN_CHROME: Final[dict[str, Any]] = {
    "referrer": "google.com/search",
    "source": "Google",
    "channel": "Organic Search",
    "country": "DE",
    "region": "Hessen",
    "city": "Kassel",
    "browser": "Chrome",
    "browser_version": "131",
    "operating_system": "Windows",
    "operating_system_version": "10",
    "device": "desktop",
    "language": "de",
    "screen_width": 1440,
}
CAMPAIGN: Final[dict[str, Any]] = {
    "source": "newsletter",
    "channel": "Email",
    "utm_source": "newsletter",
    "utm_medium": "email",
    "utm_campaign": "spring",
    "utm_term": "spade",
    "utm_content": "button",
    "country": "IN",
    "browser": "Safari",
    "browser_version": "18",
    "operating_system": "iOS",
    "operating_system_version": "18.1",
    "device": "mobile",
    "language": "hi",
    "screen_width": 390,
}

#: Each dimension's values, the most pageviews first: value, visitors, pageviews.
EXPECTED: Final = {
    "page": [("/", 4, 4), ("/docs", 1, 2)],
    "entry_page": [("/", 3, 3), ("/docs", 1, 3)],
    "exit_page": [("/", 3, 3), ("/docs", 1, 3)],
    "title": [("Docs", 1, 1)],
    "hostname": [("blog.example.com", 1, 3), ("example.com", 3, 3)],
    "event": [("pageview", 4, 6), ("signup", 1, 0)],
    "source": [("newsletter", 1, 3), ("Google", 2, 2), ("", 1, 1)],
    "referrer": [("", 2, 4), ("google.com/search", 2, 2)],
    "channel": [("Email", 1, 3), ("Organic Search", 2, 2), ("", 1, 1)],
    "utm_source": [("", 3, 3), ("newsletter", 1, 3)],
    "utm_medium": [("", 3, 3), ("email", 1, 3)],
    "utm_campaign": [("", 3, 3), ("spring", 1, 3)],
    "utm_term": [("", 3, 3), ("spade", 1, 3)],
    "utm_content": [("", 3, 3), ("button", 1, 3)],
    "country": [("IN", 1, 3), ("DE", 2, 2), ("", 1, 1)],
    "region": [("", 2, 4), ("Hessen", 2, 2)],
    "city": [("", 2, 4), ("Kassel", 2, 2)],
    "browser": [("Safari", 1, 3), ("Chrome", 2, 2), ("", 1, 1)],
    "browser_version": [("18", 1, 3), ("131", 2, 2), ("", 1, 1)],
    "operating_system": [("iOS", 1, 3), ("Windows", 2, 2), ("", 1, 1)],
    "operating_system_version": [("18.1", 1, 3), ("10", 2, 2), ("", 1, 1)],
    "device": [("mobile", 1, 3), ("desktop", 2, 2), ("", 1, 1)],
    "screen": [("0-575", 1, 3), ("1440+", 2, 2), ("", 1, 1)],
    "language": [("hi", 1, 3), ("de", 2, 2), ("", 1, 1)],
}


@pytest.fixture
def site(db: None) -> Site:
    """A site half an hour off."""
    return Site.objects.create(domain="example.com", timezone="Asia/Kolkata")


@pytest.fixture
def warehouse(site: Site) -> Iterator[Warehouse]:
    """Four visits: two of German Chrome, one of a campaign across midnight, one of nobody known."""
    for visitor in (1, 2):
        visit = add_visit(site=site, visitor=visitor, started_at=LATE, **GERMAN_CHROME)
        add_event(visit=visit, page="/", happened_at=LATE)
    across = add_visit(
        site=site, visitor=3, started_at=LATE, hostname="blog.example.com", **CAMPAIGN
    )
    add_event(visit=across, page="/docs", title="Docs", happened_at=LATE)
    add_event(visit=across, page="/", happened_at=LATE + 5 * MINUTE)
    add_event(visit=across, page="/", name="signup", happened_at=LATE + 6 * MINUTE)
    add_event(visit=across, page="/docs", title="", happened_at=LATE + 20 * MINUTE)
    unknown = add_visit(site=site, visitor=4, started_at=LATE)
    add_event(visit=unknown, page="/", happened_at=LATE + 20 * MINUTE)
    with open_warehouse(site) as warehouse:
        yield warehouse


def days_of(site: Site) -> DateRange:
    """10 and 11 March 2026."""
    return DateRange(first_day=date(2026, 3, 10), end_day=date(2026, 3, 12), zone=site.zone)


@pytest.mark.parametrize("name", DIMENSIONS)
def test_groups_four_visits(name: str, site: Site, warehouse: Warehouse) -> None:
    question = ReportQuery(
        site=site,
        range=days_of(site),
        metrics=(PAGEVIEWS, VISITORS),
        dimensions=(DIMENSIONS[name],),
    )

    rows = break_down(warehouse, question).rows

    assert [
        (row.dimensions[0], row.figures["visitors"], row.figures["pageviews"]) for row in rows
    ] == EXPECTED[name]


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        # 23:00 and 00:00 in Kolkata are 17:30 and 18:30 in UTC.
        (
            Interval.HOUR,
            {datetime(2026, 3, 10, 17, 30): (3, 4), datetime(2026, 3, 10, 18, 30): (2, 2)},  # noqa: DTZ001 -- keys are naive UTC
        ),
        (
            Interval.MINUTE,
            {
                datetime(2026, 3, 10, 18, 20): (3, 3),  # noqa: DTZ001 -- as above
                datetime(2026, 3, 10, 18, 25): (1, 1),  # noqa: DTZ001
                datetime(2026, 3, 10, 18, 26): (1, 0),  # noqa: DTZ001
                datetime(2026, 3, 10, 18, 40): (2, 2),  # noqa: DTZ001
            },
        ),
        (Interval.DAY, {date(2026, 3, 10): (3, 4), date(2026, 3, 11): (2, 2)}),
        (Interval.WEEK, {date(2026, 3, 9): (4, 6)}),
        (Interval.MONTH, {date(2026, 3, 1): (4, 6)}),
    ],
)
def test_groups_by_the_sites_time(
    interval: Interval, expected: object, site: Site, warehouse: Warehouse
) -> None:
    question = ReportQuery(
        site=site,
        range=days_of(site),
        metrics=(VISITORS, PAGEVIEWS),
        dimensions=(TIME[interval],),
    )

    rows = break_down(warehouse, question).rows

    assert {
        row.dimensions[0]: (row.figures["visitors"], row.figures["pageviews"]) for row in rows
    } == expected


@pytest.mark.parametrize(
    ("width", "screen"),
    [
        (None, ""),
        (0, "0-575"),
        (575, "0-575"),
        (576, "576-991"),
        (991, "576-991"),
        (992, "992-1439"),
        (1439, "992-1439"),
        (1440, "1440+"),
        (30_000, "1440+"),
    ],
)
def test_screens_have_sizes(width: int | None, screen: str, site: Site) -> None:
    view(site, LATE, screen_width=width)

    assert group_by(SCREEN, site) == {screen: 1}


@pytest.mark.parametrize("name", ["plan", "Größe", "a.b", "x' OR ''='", "{0}", "$site", ""])
def test_properties_of_any_name_are_dimensions(name: str, site: Site) -> None:
    """Also where it is written like SQL; events without it are in the empty group."""
    visit = add_visit(site=site, visitor=1, started_at=LATE)
    add_event(visit=visit, name="buy", happened_at=LATE, props={name: "large", "other": "1"})
    add_event(visit=visit, happened_at=LATE, props={"other": "2"})

    assert group_by(property_dimension(name), site) == {"large": 1, "": 1}


def group_by(dimension: Dimension, site: Site) -> dict[str, int]:
    """Return the number of events of each of the dimension's values."""
    question = ReportQuery(
        site=site, range=days_of(site), metrics=(EVENTS,), dimensions=(dimension,)
    )
    with open_warehouse(site) as warehouse:
        rows = break_down(warehouse, question).rows
    return {row.dimensions[0]: row.figures["events"] for row in rows}


def test_every_dimension_is_grouped_above() -> None:
    assert EXPECTED.keys() == DIMENSIONS.keys()
