"""Every metric, over five visits that a reader can count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from reports.dates import DateRange
from reports.dimensions import EVENT, EXIT_PAGE, PAGE
from reports.filters import Filter
from reports.metrics import (
    AVERAGE_REVENUE,
    CONVERSION_RATE,
    EXIT_RATE,
    GROUP_CONVERSION_RATE,
    METRICS,
    PERCENTAGE,
    TOTAL_REVENUE,
    Metric,
    Money,
)
from reports.queries import ReportQuery, break_down, summarise
from reports.tests.histories import send_actions
from reports.tests.oracle import Action
from reports.warehouse.base import Warehouse
from reports.warehouse.embedded import open_warehouse
from sites.models import Site

NOON: Final = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)

MARCH_10: Final = date(2026, 3, 10)

#: Ann comes twice, Bob, Cem and Dot once each: five visits of four visitors.
FIVE_VISITS: Final = [
    # Ann reads two pages for a minute; she looks at the second for 20 s, down to 80 %.
    Action(person="a", at=NOON, page="/"),
    Action(person="a", at=NOON + 30 * SECOND, page="/docs"),
    Action(
        person="a",
        at=NOON + 60 * SECOND,
        name="engagement",
        page="/docs",
        engagement_ms=20_000,
        scroll_depth=80,
    ),
    # Bob sees one page and leaves: a bounce of 0 s.
    Action(person="b", at=NOON + 2 * MINUTE, page="/"),
    # Cem sees one page and signs up 5 s later for 12.30 €: no bounce, but neither 10 s
    # nor two pageviews.
    Action(person="c", at=NOON + 3 * MINUTE, page="/"),
    Action(
        person="c",
        at=NOON + 3 * MINUTE + 5 * SECOND,
        name="signup",
        page="/",
        revenue=("12.30", "EUR"),
    ),
    # Dot sees one page, is shown a banner, and looks for 40 s down to 30 %: a bounce of 40 s.
    Action(person="d", at=NOON + 4 * MINUTE, page="/"),
    Action(person="d", at=NOON + 4 * MINUTE, name="banner", page="/", interactive=False),
    Action(
        person="d",
        at=NOON + 4 * MINUTE + 40 * SECOND,
        name="engagement",
        page="/",
        engagement_ms=40_000,
        scroll_depth=30,
    ),
    # Ann comes back after more than 30 minutes: a second visit, a bounce, the same visitor.
    Action(person="a", at=NOON + 45 * MINUTE, page="/docs"),
]

EXPECTED: Final = {
    "visitors": 4,
    "visits": 5,
    "pageviews": 6,
    "events": 8,  # six pageviews, a signup, a banner; engagement is none
    "views_per_visit": 6 / 5,
    "bounce_rate": 3 / 5,  # Bob, Dot, and Ann's second visit
    "visit_duration": (60 + 0 + 5 + 40 + 0) / 5,
    "engagement_rate": 2 / 5,  # Ann's first visit and Dot's
    "time_on_page": (20 + 40) / 2,
    "scroll_depth": (80 + 30) / 2,
    "exit_rate": 5 / 6,  # each visit left from some page
    "percentage": 1,
    "conversion_rate": 1,
    "group_conversion_rate": 1,
    "total_revenue": (Decimal("12.30"), "EUR"),
    "average_revenue": (Decimal("12.30"), "EUR"),
}


@pytest.fixture
def tenth_of_march(site: Site) -> ReportQuery:
    """A question after every metric on 10 March 2026."""
    days = DateRange(first_day=MARCH_10, end_day=date(2026, 3, 11), zone=site.zone)
    return ReportQuery(site=site, range=days, metrics=tuple(METRICS.values()))


@pytest.fixture
def five_visits(site: Site, tenth_of_march: ReportQuery) -> Iterator[Warehouse]:
    """A warehouse with the five visits."""
    send_actions(site, FIVE_VISITS)
    with open_warehouse(site) as warehouse:
        yield warehouse


@pytest.mark.parametrize("name", METRICS)
def test_counts_five_visits(name: str, five_visits: Warehouse, tenth_of_march: ReportQuery) -> None:
    assert summarise(five_visits, tenth_of_march)[name] == EXPECTED[name]


@pytest.mark.parametrize(
    ("name", "nothing"),
    [
        ("visitors", 0),
        ("visits", 0),
        ("pageviews", 0),
        ("events", 0),
        ("views_per_visit", None),
        ("bounce_rate", None),
        ("visit_duration", None),
        ("engagement_rate", None),
        ("time_on_page", None),
        ("scroll_depth", None),
        ("exit_rate", None),
        ("percentage", None),
        ("conversion_rate", None),
        ("group_conversion_rate", None),
        ("total_revenue", None),
        ("average_revenue", None),
    ],
)
def test_a_count_of_nothing_is_0_and_a_rate_over_nothing_is_none(
    name: str, nothing: Any, site: Site, tenth_of_march: ReportQuery
) -> None:
    with open_warehouse(site) as warehouse:
        assert summarise(warehouse, tenth_of_march)[name] == nothing


def test_every_metric_is_counted_above() -> None:
    assert EXPECTED.keys() == METRICS.keys()


def by_page(metric: Metric, warehouse: Warehouse, question: ReportQuery, *filters: Filter) -> Any:
    """Return the metric's figure of each page."""
    asked = replace(question, metrics=(metric,), dimensions=(PAGE,), filters=filters)
    return {
        row.dimensions[0]: row.figures[metric.name] for row in break_down(warehouse, asked).rows
    }


def test_an_exit_rate_is_of_a_pages_views_whoever_left(
    five_visits: Warehouse, tenth_of_march: ReportQuery
) -> None:
    """Of four views of / three were a visit's last; both of /docs were."""
    assert by_page(EXIT_RATE, five_visits, tenth_of_march) == {"/": 3 / 4, "/docs": 1}

    by_exit_page = replace(tenth_of_march, metrics=(EXIT_RATE,), dimensions=(EXIT_PAGE,))
    rows = break_down(five_visits, by_exit_page).rows
    assert {row.dimensions[0]: row.figures["exit_rate"] for row in rows} == {"/": 3 / 4, "/docs": 1}
    left_home = replace(tenth_of_march, filters=(Filter(EXIT_PAGE, ("/",)),))
    assert summarise(five_visits, left_home)["exit_rate"] == 3 / 4


def test_a_percentage_is_of_the_visitors_of_the_whole_question(
    five_visits: Warehouse, tenth_of_march: ReportQuery
) -> None:
    """All four saw /, Ann alone saw /docs; of those that signed up each was on /."""
    assert by_page(PERCENTAGE, five_visits, tenth_of_march) == {"/": 1, "/docs": 1 / 4}
    signed_up = Filter(EVENT, ("signup",))
    assert by_page(PERCENTAGE, five_visits, tenth_of_march, signed_up) == {"/": 1}


def test_a_conversion_rate_is_of_everyone_and_one_of_a_group_of_the_group(
    five_visits: Warehouse, tenth_of_march: ReportQuery
) -> None:
    """Cem signs up, of four visitors; the page where he does was seen by four as well.

    Dot, one of them, was shown the banner. Ann's two pages are seen by one and by four.
    """
    signed_up = Filter(EVENT, ("signup",))
    views = Filter(EVENT, ("pageview",))

    assert by_page(CONVERSION_RATE, five_visits, tenth_of_march, signed_up) == {"/": 1 / 4}
    assert by_page(CONVERSION_RATE, five_visits, tenth_of_march, views) == {"/": 1, "/docs": 1 / 4}
    assert by_page(GROUP_CONVERSION_RATE, five_visits, tenth_of_march, views) == {
        "/": 1,
        "/docs": 1,
    }
    by_event = replace(tenth_of_march, metrics=(CONVERSION_RATE,), dimensions=(EVENT,))
    assert {
        row.dimensions[0]: row.figures["conversion_rate"]
        for row in break_down(five_visits, by_event).rows
    } == {"pageview": 1, "signup": 1 / 4, "banner": 1 / 4}


def test_revenue_of_several_currencies_is_none(site: Site, tenth_of_march: ReportQuery) -> None:
    """10 and 5.25 € on /, 7 $ on /docs: of each page, but not of both."""
    send_actions(
        site,
        [
            Action(person="a", at=NOON, page="/"),
            Action(person="a", at=NOON, page="/", name="buy", revenue=("10", "EUR")),
            Action(person="a", at=NOON, page="/", name="buy", revenue=("5.2501", "EUR")),
            Action(person="a", at=NOON, page="/docs", name="buy", revenue=("7", "USD")),
        ],
    )
    with open_warehouse(site) as warehouse:
        assert summarise(warehouse, tenth_of_march)["total_revenue"] is None
        assert by_page(TOTAL_REVENUE, warehouse, tenth_of_march) == {
            "/": Money(Decimal("15.2501"), "EUR"),
            "/docs": Money(Decimal(7), "USD"),
        }
        assert by_page(AVERAGE_REVENUE, warehouse, tenth_of_march) == {
            "/": Money(Decimal("7.6251"), "EUR"),
            "/docs": Money(Decimal(7), "USD"),
        }
