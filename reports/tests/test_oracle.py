"""Reports agree with the oracle: random histories of random people, in zones with odd clocks."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reports.dates import DateRange, Interval
from reports.dimensions import DIMENSIONS
from reports.metrics import METRICS, Metric
from reports.queries import ReportQuery, break_down, chart, summarise
from reports.tests import oracle
from reports.tests.histories import send_actions
from reports.tests.oracle import Action
from reports.warehouse.embedded import open_warehouse
from sites.models import Site

#: Zones, each with a moment near which its clocks or its calendar do something.
MOMENTS: Final = {
    "UTC": "2026-02-28T23:50:00+00:00",  # the end of a month
    "Europe/Berlin": "2026-03-29T00:30:00+00:00",  # 02:00 becomes 03:00
    "America/New_York": "2026-11-01T05:40:00+00:00",  # 02:00 becomes 01:00
    "Asia/Kolkata": "2026-05-03T18:20:00+00:00",  # ten to midnight, half an hour off
    "Australia/Lord_Howe": "2026-10-03T15:20:00+00:00",  # half an hour forward
    "Pacific/Apia": "2026-12-31T09:45:00+00:00",  # a quarter to the new year, 13 hours ahead
}

#: Time between two actions: within a visit, at its edge, beyond it, and days apart.
PAUSES: Final = (
    timedelta(0),
    timedelta(seconds=4),
    timedelta(seconds=10),
    timedelta(minutes=11),
    timedelta(minutes=30),
    timedelta(minutes=30, microseconds=1),
    timedelta(hours=7),
    timedelta(hours=26),
)


def actions_at(at: datetime) -> st.SearchStrategy[Action]:
    """Something that somebody does at a moment."""
    people = st.sampled_from("ab")
    pages = st.sampled_from(("/", "/a", "/b"))
    sources = st.sampled_from(("", "news", "mail"))
    views = st.builds(
        Action,
        person=people,
        at=st.just(at),
        page=pages,
        title=st.sampled_from(("", "A")),
        source=sources,
    )
    own = st.builds(
        Action,
        person=people,
        at=st.just(at),
        name=st.sampled_from(("signup", "banner")),
        page=pages,
        interactive=st.booleans(),
        source=sources,
    )
    engagement = st.builds(
        Action,
        person=people,
        at=st.just(at),
        name=st.just("engagement"),
        page=pages,
        engagement_ms=st.sampled_from((None, 0, 1500, 20_000)),
        scroll_depth=st.sampled_from((None, 0, 40, 100)),
    )
    return st.one_of(views, views, own, engagement)


@st.composite
def histories(draw: st.DrawFn) -> tuple[str, list[Action]]:
    """A zone, and what people did around its moment, in order of time."""
    zone = draw(st.sampled_from(sorted(MOMENTS)))
    at = datetime.fromisoformat(MOMENTS[zone]) - timedelta(hours=draw(st.integers(0, 3)))
    actions = []
    for pause in draw(st.lists(st.sampled_from(PAUSES), min_size=1, max_size=12)):
        at += pause
        actions.append(draw(actions_at(at)))
    return zone, actions


def assert_same(reported: dict[str, Any], expected: dict[str, Any]) -> None:
    """Compare figures; a dash is a dash, and other numbers agree to nine digits."""
    assert reported == {
        name: value if value is None else pytest.approx(value) for name, value in expected.items()
    }


def by_metric(metric: Metric) -> Any:
    """Return the order of a table: the metric's greatest first, then by name."""
    return lambda row: (row[1][metric.name] is None, -(row[1][metric.name] or 0), row[0])


#: What tells the oracle the bucket of an action.
BUCKETS: Final = {
    Interval.HOUR: oracle.local_hour,
    Interval.DAY: oracle.local_day,
    Interval.WEEK: oracle.local_monday,
    Interval.MONTH: oracle.local_month,
}

#: As many histories as the promise says; fewer where a second store repeats them.
EXAMPLES: Final = int(os.environ.get("ORACLE_EXAMPLES", "1000"))

_numbers = itertools.count()


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=histories(),
    skipped=st.integers(0, 2),
    width=st.integers(1, 5),
    names=st.lists(st.sampled_from(sorted(oracle.GROUPS)), min_size=2, max_size=2, unique=True),
    intervals=st.lists(st.sampled_from(Interval), min_size=1, max_size=2, unique=True),
)
@example(
    # Somebody reads across midnight and comes back at noon: one visitor of each day's salt.
    history=(
        "Asia/Kolkata",
        [
            Action(person="a", at=datetime(2026, 5, 3, 18, 20, tzinfo=UTC)),
            Action(person="a", at=datetime(2026, 5, 3, 18, 40, tzinfo=UTC), page="/a"),
            Action(person="a", at=datetime(2026, 5, 4, 6, 30, tzinfo=UTC)),
        ],
    ),
    skipped=0,
    width=2,
    names=sorted(oracle.GROUPS),
    intervals=list(Interval),
)
def test_reports_agree_with_the_oracle(
    history: tuple[str, list[Action]],
    skipped: int,
    width: int,
    names: list[str],
    intervals: list[Interval],
) -> None:
    zone_name, actions = history
    zone = ZoneInfo(zone_name)
    site = Site.objects.create(domain=f"{next(_numbers)}.example.com", timezone=zone_name)
    send_actions(site, actions)
    first_day = actions[0].at.astimezone(zone).date() + timedelta(days=skipped)
    days = DateRange(first_day=first_day, end_day=first_day + timedelta(days=width), zone=zone)
    visits = oracle.split_into_visits(actions, zone)
    occurrences = oracle.between(visits, days.first_day, days.end_day, zone)
    question = ReportQuery(site=site, range=days, metrics=tuple(METRICS.values()))

    with open_warehouse(site) as warehouse:
        assert_same(summarise(warehouse, question), oracle.figures(occurrences))
        for name in names:
            expected = oracle.grouped(occurrences, oracle.GROUPS[name])
            breakdown = break_down(
                warehouse,
                ReportQuery(
                    site=site,
                    range=days,
                    metrics=question.metrics,
                    dimensions=(DIMENSIONS[name],),
                ),
            )
            in_order = sorted(expected.items(), key=by_metric(question.metrics[0]))
            assert [row.dimensions[0] for row in breakdown.rows] == [key for key, _ in in_order]
            assert breakdown.total_rows == len(expected)
            for row in breakdown.rows:
                assert_same(row.figures, expected[row.dimensions[0]])
        for interval in intervals:
            expected = oracle.grouped(occurrences, BUCKETS[interval](zone))
            points = chart(warehouse, question, interval)
            assert set(expected) <= {point.bucket.key for point in points}
            for point in points:
                assert_same(point.figures, expected.get(point.bucket.key, oracle.figures([])))


def test_the_oracle_counts_a_history_that_a_reader_can_count() -> None:
    """Ann reads two pages on Monday night across midnight, Bob looks at one on Tuesday."""
    zone = ZoneInfo("Europe/Berlin")
    night = datetime(2026, 3, 2, 22, 55, tzinfo=UTC)
    visits = oracle.split_into_visits(
        [
            Action(person="a", at=night),
            Action(person="a", at=night + timedelta(minutes=10), page="/a"),
            Action(person="b", at=night + timedelta(hours=9)),
        ],
        zone,
    )

    tuesday = oracle.between(visits, date(2026, 3, 3), date(2026, 3, 4), zone)

    assert oracle.figures(tuesday) == {
        "visitors": 2,
        "visits": 2,
        "pageviews": 2,
        "events": 2,
        "views_per_visit": 1,
        "bounce_rate": 0.5,
        "visit_duration": 300,
        "engagement_rate": 0.5,
        "time_on_page": None,
        "scroll_depth": None,
    }
