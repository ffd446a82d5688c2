"""Every metric, over five visits that a reader can count."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest

from reports.dates import DateRange
from reports.metrics import METRICS
from reports.queries import ReportQuery, summarise
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
    # Cem sees one page and signs up 5 s later: no bounce, but neither 10 s nor two pageviews.
    Action(person="c", at=NOON + 3 * MINUTE, page="/"),
    Action(person="c", at=NOON + 3 * MINUTE + 5 * SECOND, name="signup", page="/"),
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
    assert summarise(five_visits, tenth_of_march)[name] == pytest.approx(EXPECTED[name])


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
    ],
)
def test_a_count_of_nothing_is_0_and_a_rate_over_nothing_is_none(
    name: str, nothing: Any, site: Site, tenth_of_march: ReportQuery
) -> None:
    with open_warehouse(site) as warehouse:
        assert summarise(warehouse, tenth_of_march)[name] == nothing


def test_every_metric_is_counted_above() -> None:
    assert EXPECTED.keys() == METRICS.keys()
