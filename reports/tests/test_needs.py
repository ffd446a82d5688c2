"""Which columns questions need: those that their answer depends on, and no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from reports.dates import DateRange, Interval
from reports.dimensions import COUNTRY, EVENT, EXIT_PAGE, PAGE, TIME, Dimension, property_dimension
from reports.filters import AnyOf, Condition, Filter, Not
from reports.metrics import (
    BOUNCE_RATE,
    EXIT_RATE,
    PAGEVIEWS,
    SCROLL_DEPTH,
    TOTAL_REVENUE,
    VISITORS,
    Metric,
)
from reports.needs import columns_for
from reports.queries import ReportQuery
from reports.sql import counted_parts
from sites.models import Site

DAYS = DateRange(first_day=date(2026, 3, 9), end_day=date(2026, 3, 16), zone=ZoneInfo("UTC"))
WEDNESDAY = datetime(2026, 3, 11, 12, tzinfo=UTC)
#: What says that an event is one of the range's.
OF_RANGE = {"site_id", "happened_on"}


def needs(question: ReportQuery) -> set[str]:
    """Return the columns of all that is counted for the question."""
    return set().union(
        *(columns_for(part, components) for _, part, components in counted_parts(question))
    )


@pytest.mark.parametrize(
    ("metric", "columns"),
    [
        (VISITORS, {"visitor"}),
        (PAGEVIEWS, {"name"}),
        (BOUNCE_RATE, {"visit_id", "bounced"}),
        (SCROLL_DEPTH, {"visit_id", "name", "page", "engagement_ms", "scroll_depth"}),
        (TOTAL_REVENUE, {"revenue_amount", "revenue_currency"}),
        (EXIT_RATE, {"visit_id", "name", "page", "exit_page"}),
    ],
    ids=lambda value: value.name if isinstance(value, Metric) else "",
)
def test_a_metric_needs_what_its_components_are_over(metric: Metric, columns: set[str]) -> None:
    question = ReportQuery(site=Site(pk=1), range=DAYS, metrics=(metric,))

    assert needs(question) == OF_RANGE | columns


@pytest.mark.parametrize(
    ("dimension", "columns"),
    [
        (PAGE, {"page"}),
        (EVENT, {"name"}),
        (property_dimension("plan"), {"props"}),
        (TIME[Interval.MONTH], set()),
        (TIME[Interval.HOUR], {"happened_at"}),
    ],
    ids=lambda value: value.name if isinstance(value, Dimension) else "",
)
def test_a_dimension_needs_what_it_is_made_of(dimension: Dimension, columns: set[str]) -> None:
    question = ReportQuery(
        site=Site(pk=1), range=DAYS, metrics=(VISITORS,), dimensions=(dimension,)
    )

    assert needs(question) == OF_RANGE | {"visitor"} | columns


@pytest.mark.parametrize(
    "condition",
    [
        Filter(COUNTRY, ("DE",)),
        Not(Filter(COUNTRY, ("DE",))),
        AnyOf((Filter(COUNTRY, ("DE",)), Filter(COUNTRY, ("FR",)))),
    ],
)
def test_a_filter_needs_what_decides_it(condition: Condition) -> None:
    question = ReportQuery(site=Site(pk=1), range=DAYS, metrics=(VISITORS,), filters=(condition,))

    assert needs(question) == OF_RANGE | {"visitor", "country"}


@pytest.mark.parametrize("days", [replace(DAYS, since=WEDNESDAY), replace(DAYS, until=WEDNESDAY)])
def test_a_range_that_is_cut_needs_the_instant(days: DateRange) -> None:
    question = ReportQuery(site=Site(pk=1), range=days, metrics=(VISITORS,))

    assert needs(question) == OF_RANGE | {"visitor", "happened_at"}


def test_what_is_counted_beside_the_question_is_needed_too() -> None:
    """An exit rate by exit page is of the views of that page, whoever left."""
    question = ReportQuery(
        site=Site(pk=1), range=DAYS, metrics=(EXIT_RATE,), dimensions=(EXIT_PAGE,)
    )

    assert "page" in needs(question)
