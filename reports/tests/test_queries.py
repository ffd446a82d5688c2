"""The four verbs, over four visits that a reader can count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from reports.dates import DateRange, Interval
from reports.dimensions import BROWSER, COUNTRY, EVENT, PAGE, TIME
from reports.filters import Filter
from reports.metrics import (
    BOUNCE_RATE,
    METRICS,
    PAGEVIEWS,
    PERCENTAGE,
    SCROLL_DEPTH,
    TIME_ON_PAGE,
    TOTAL_REVENUE,
    VISIT_DURATION,
    VISITORS,
    VISITS,
    Metric,
    Money,
    Unit,
)
from reports.queries import (
    Change,
    Order,
    ReportQuery,
    break_down,
    chart,
    compare,
    compare_rows,
    summarise,
)
from reports.tests.histories import view
from reports.warehouse.base import Warehouse
from reports.warehouse.embedded import open_warehouse
from sites.models import Site
from visits.services import add_event, add_visit
from visits.tests.hits import DAY, HOUR, MINUTE, NOON


def euros(amount: int) -> Money:
    """Return an amount in EUR."""
    return Money(Decimal(amount), "EUR")


@pytest.fixture
def question(site: Site) -> ReportQuery:
    """A question after visitors and pageviews on 10 March 2026."""
    days = DateRange(first_day=date(2026, 3, 10), end_day=date(2026, 3, 11), zone=site.zone)
    return ReportQuery(site=site, range=days, metrics=(VISITORS, PAGEVIEWS))


@pytest.fixture
def warehouse(site: Site, question: ReportQuery) -> Iterator[Warehouse]:
    """On the 10th Ann (Firefox, DE) reads /, /a, /b, Bob (Firefox, IN) and Cem (Chrome, IN) / each.

    Ann signs up, and looks at /a for 20 s. On the 9th Dot (Chrome, DE) reads / at noon and /b
    five minutes later.
    """
    ann = add_visit(site=site, visitor=1, started_at=NOON, browser="Firefox", country="DE")
    for place, page in enumerate(("/", "/a", "/b")):
        add_event(visit=ann, page=page, happened_at=NOON + place * MINUTE)
    add_event(visit=ann, page="/b", name="signup", happened_at=NOON + 3 * MINUTE)
    add_event(
        visit=ann,
        page="/a",
        name="engagement",
        engagement_ms=20_000,
        happened_at=NOON + 4 * MINUTE,
    )
    for visitor, browser in ((2, "Firefox"), (3, "Chrome")):
        view(site, NOON + HOUR, visitor=visitor, browser=browser, country="IN")
    dot = view(site, NOON - DAY, visitor=4, browser="Chrome", country="DE")
    add_event(visit=dot, page="/b", happened_at=NOON - DAY + 5 * MINUTE)
    with open_warehouse(site) as warehouse:
        yield warehouse


def day_before(question: ReportQuery) -> DateRange:
    """Return the whole day before the question's."""
    return question.range.previous(NOON + 10 * DAY)


def pages(warehouse: Warehouse, question: ReportQuery, **options: Any) -> list[tuple[Any, ...]]:
    """Return page, visitors and pageviews of each row of the table of pages."""
    rows = break_down(warehouse, replace(question, dimensions=(PAGE,), **options)).rows
    return [(*row.dimensions, *row.figures.values()) for row in rows]


def test_summarises_one_row(warehouse: Warehouse, question: ReportQuery) -> None:
    assert summarise(warehouse, question) == {"visitors": 3, "pageviews": 5}


@pytest.mark.parametrize(
    ("metric", "figure"), [(TIME_ON_PAGE, 20), (SCROLL_DEPTH, None), (VISITS, 3)]
)
def test_one_metric_alone_is_one_row_too(
    metric: Metric, figure: float | None, warehouse: Warehouse, question: ReportQuery
) -> None:
    """Also a figure of pages alone, with several visits and none of visits asked."""
    assert summarise(warehouse, replace(question, metrics=(metric,))) == {metric.name: figure}


def test_a_summary_leaves_groups_order_and_limit_aside(
    warehouse: Warehouse, question: ReportQuery
) -> None:
    table = replace(question, dimensions=(PAGE,), order_by=(Order(PAGEVIEWS),), limit=1, offset=1)

    assert summarise(warehouse, table) == summarise(warehouse, question)


def test_over_nothing_counts_are_0_and_all_else_is_none(
    warehouse: Warehouse, question: ReportQuery
) -> None:
    everything = replace(
        question, metrics=tuple(METRICS.values()), filters=(Filter(PAGE, ("/nowhere",)),)
    )
    nothing = {metric.name: 0 if metric.unit is Unit.COUNT else None for metric in METRICS.values()}

    assert summarise(warehouse, everything) == nothing
    assert [point.figures for point in chart(warehouse, everything, Interval.DAY)] == [nothing]
    by_page = break_down(warehouse, replace(everything, dimensions=(PAGE,)))
    assert (by_page.rows, by_page.total_rows) == ([], 0)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((Filter(BROWSER, ("Firefox",)),), (2, 4)),
        ((Filter(BROWSER, ("Firefox",), negated=True),), (1, 1)),
        ((Filter(BROWSER, ("Firefox", "Chrome")),), (3, 5)),
        ((Filter(BROWSER, ("Firefox", "Chrome"), negated=True),), (0, 0)),
        # Several conditions hold together.
        ((Filter(BROWSER, ("Firefox",)), Filter(COUNTRY, ("IN",))), (1, 1)),
        ((Filter(BROWSER, ("Firefox",)), Filter(COUNTRY, ("IN",), negated=True)), (1, 3)),
        # Only the events on these pages, of visits that may have seen others.
        ((Filter(PAGE, ("/a", "/b")),), (1, 2)),
        ((Filter(PAGE, ("/",), negated=True),), (1, 2)),
        # A value is compared whole and letter by letter.
        ((Filter(BROWSER, ("firefox",)),), (0, 0)),
        ((Filter(BROWSER, ("Fire%",)),), (0, 0)),
    ],
)
def test_filters_are_is_and_is_not(
    filters: tuple[Filter, ...],
    expected: tuple[int, int],
    warehouse: Warehouse,
    question: ReportQuery,
) -> None:
    figures = summarise(warehouse, replace(question, filters=filters))

    assert (figures["visitors"], figures["pageviews"]) == expected


def test_a_filter_holds_in_every_verb(warehouse: Warehouse, question: ReportQuery) -> None:
    firefox = replace(question, filters=(Filter(BROWSER, ("Firefox",)),))

    assert pages(warehouse, firefox) == [("/", 2, 2), ("/a", 1, 1), ("/b", 1, 1)]
    assert (
        sum(point.figures["pageviews"] for point in chart(warehouse, firefox, Interval.HOUR)) == 4
    )
    assert compare(warehouse, firefox, day_before(question))["visitors"].before == 0


def test_the_first_metrics_greatest_come_first_and_equals_by_name(
    warehouse: Warehouse, question: ReportQuery
) -> None:
    assert pages(warehouse, question) == [("/", 3, 3), ("/a", 1, 1), ("/b", 1, 1)]


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        ((Order(PAGEVIEWS, descending=False),), ["/a", "/b", "/"]),
        ((Order(VISITORS),), ["/", "/a", "/b"]),
        # Nothing to order by comes last, whichever way.
        ((Order(TIME_ON_PAGE),), ["/a", "/", "/b"]),
        ((Order(TIME_ON_PAGE, descending=False),), ["/a", "/", "/b"]),
        ((Order(TIME_ON_PAGE), Order(VISITORS, descending=False)), ["/a", "/b", "/"]),
    ],
)
def test_comes_in_the_order_asked(
    order_by: tuple[Order, ...],
    expected: list[str],
    warehouse: Warehouse,
    question: ReportQuery,
) -> None:
    metrics = (VISITORS, PAGEVIEWS, TIME_ON_PAGE)

    rows = pages(warehouse, question, metrics=metrics, order_by=order_by)

    assert [row[0] for row in rows] == expected


@pytest.mark.parametrize(
    ("limit", "offset", "expected"),
    [
        (None, 0, ["/", "/a", "/b"]),
        (2, 0, ["/", "/a"]),
        (2, 1, ["/a", "/b"]),
        (2, 2, ["/b"]),
        (9, 0, ["/", "/a", "/b"]),
    ],
)
def test_some_of_the_rows_know_how_many_there_are(
    limit: int | None,
    offset: int,
    expected: list[str],
    warehouse: Warehouse,
    question: ReportQuery,
) -> None:
    table = break_down(warehouse, replace(question, dimensions=(PAGE,), limit=limit, offset=offset))

    assert [row.dimensions for row in table.rows] == [(page,) for page in expected]
    assert table.total_rows == 3


def test_beyond_the_last_row_is_nothing(warehouse: Warehouse, question: ReportQuery) -> None:
    table = break_down(warehouse, replace(question, dimensions=(PAGE,), limit=9, offset=9))

    assert table.rows == []


def test_equal_rows_come_in_the_same_order_on_every_page(site: Site, question: ReportQuery) -> None:
    """Two hundred pages with a view each, read in pages of seven, are each there once."""
    visit = add_visit(site=site, visitor=1, started_at=NOON)
    names = [f"/{number:03}" for number in range(200)]
    for name in reversed(names):
        add_event(visit=visit, page=name, happened_at=NOON)

    with open_warehouse(site) as warehouse:
        read = [
            row[0]
            for offset in range(0, 200, 7)
            for row in pages(warehouse, question, limit=7, offset=offset)
        ]

    assert read == names


def test_two_dimensions_give_a_row_for_each_pair(
    warehouse: Warehouse, question: ReportQuery
) -> None:
    both = break_down(warehouse, replace(question, dimensions=(BROWSER, COUNTRY)))

    assert [(row.dimensions, row.figures) for row in both.rows] == [
        (("Chrome", "IN"), {"visitors": 1, "pageviews": 1}),
        (("Firefox", "DE"), {"visitors": 1, "pageviews": 3}),
        (("Firefox", "IN"), {"visitors": 1, "pageviews": 1}),
    ]


def test_engagement_is_no_row_of_the_table_of_events(
    warehouse: Warehouse, question: ReportQuery
) -> None:
    events = break_down(warehouse, replace(question, dimensions=(EVENT,)))

    assert [row.dimensions[0] for row in events.rows] == ["pageview", "signup"]


@pytest.mark.parametrize(
    ("interval", "count", "filled"),
    [
        (Interval.HOUR, 48, {36: (1, 3), 37: (2, 2), 12: (1, 2)}),
        (Interval.DAY, 2, {0: (1, 2), 1: (3, 5)}),
        (Interval.WEEK, 1, {0: (4, 7)}),
        (Interval.MONTH, 1, {0: (4, 7)}),
    ],
)
def test_a_chart_leaves_no_bucket_out(
    interval: Interval,
    count: int,
    filled: dict[int, tuple[int, int]],
    warehouse: Warehouse,
    question: ReportQuery,
) -> None:
    two_days = replace(question, range=replace(question.range, first_day=date(2026, 3, 9)))

    points = chart(warehouse, two_days, interval)

    assert [point.bucket for point in points] == two_days.range.buckets(interval)
    assert [tuple(point.figures.values()) for point in points] == [
        filled.get(place, (0, 0)) for place in range(count)
    ]


def test_compares_with_the_day_before(warehouse: Warehouse, question: ReportQuery) -> None:
    changes = compare(
        warehouse,
        replace(question, metrics=(VISITORS, PAGEVIEWS, BOUNCE_RATE)),
        day_before(question),
    )

    # Three visitors beside one; five pageviews beside two; two bounces of three beside none of one.
    assert changes["visitors"] == Change(VISITORS, 3, 1)
    assert changes["pageviews"] == Change(PAGEVIEWS, 5, 2)
    assert (changes["visitors"].difference, changes["pageviews"].difference) == (2, 1.5)
    assert changes["bounce_rate"].difference == pytest.approx(2 / 3)


def test_compares_up_to_the_same_time_of_day(warehouse: Warehouse, question: ReportQuery) -> None:
    """At three past noon Dot's second pageview, the day before, has not happened either."""
    earlier = question.range.previous(NOON + 3 * MINUTE)

    assert compare(warehouse, question, earlier)["pageviews"].before == 1


def test_without_a_range_before_there_is_nothing_before(
    warehouse: Warehouse, question: ReportQuery
) -> None:
    changes = compare(warehouse, question, None)

    assert changes["visitors"] == Change(VISITORS, 3, None)


@pytest.mark.parametrize(
    ("metric", "now", "before", "difference", "is_good"),
    [
        # Counts, seconds and ratios change by a fraction of what was before ...
        (VISITORS, 150, 100, 0.5, True),
        (VISITORS, 50, 100, -0.5, False),
        (VISITORS, 0, 100, -1.0, False),
        (VISIT_DURATION, 90.0, 60.0, 0.5, True),
        # ... rates and percentages by the plain difference.
        (BOUNCE_RATE, 0.5, 0.25, 0.25, False),
        (BOUNCE_RATE, 0.25, 0.5, -0.25, True),
        (BOUNCE_RATE, 0.25, 0.0, 0.25, False),
        (SCROLL_DEPTH, 60.0, 50.0, 10.0, True),
        # No change is neither good nor bad.
        (VISITORS, 100, 100, 0.0, None),
        (BOUNCE_RATE, 0.5, 0.5, 0.0, None),
        # Beside nothing there is no telling.
        (VISITORS, 100, 0, None, None),
        (VISITORS, 0, 0, None, None),
        (VISITORS, 100, None, None, None),
        (BOUNCE_RATE, None, 0.5, None, None),
        (BOUNCE_RATE, 0.5, None, None, None),
        # Money changes by a fraction, where it is of one currency.
        (TOTAL_REVENUE, euros(15), euros(10), 0.5, True),
        (TOTAL_REVENUE, euros(15), Money(Decimal(10), "USD"), None, None),
        (TOTAL_REVENUE, euros(15), None, None, None),
    ],
)
def test_a_change_tells_how_much_and_whether_it_is_good(
    metric: Metric,
    now: float | Money | None,
    before: float | Money | None,
    difference: float | None,
    is_good: bool | None,
) -> None:
    change = Change(metric, now, before)

    assert (change.difference, change.is_good) == (difference, is_good)


def test_more_bounces_alone_are_no_good_news() -> None:
    worse_when_higher = [m.name for m in METRICS.values() if not m.higher_is_better]

    assert worse_when_higher == ["bounce_rate"]


def test_a_visit_counts_once_however_many_of_its_pages_are_asked(
    warehouse: Warehouse, question: ReportQuery
) -> None:
    two_pages = replace(question, metrics=(VISITS,), filters=(Filter(PAGE, ("/a", "/b")),))

    assert summarise(warehouse, two_pages) == {"visits": 1}


def test_each_row_is_compared_with_its_group_in_the_earlier_range(
    warehouse: Warehouse, question: ReportQuery
) -> None:
    """On the 9th Dot saw / and /b; nobody saw /a, and /c is none of the rows."""
    table = replace(question, dimensions=(PAGE,), limit=2)
    rows = break_down(warehouse, table).rows

    changes = compare_rows(warehouse, table, rows, day_before(question))

    assert [row.dimensions for row in rows] == [("/",), ("/a",)]
    assert [(row["visitors"].now, row["visitors"].before) for row in changes] == [(3, 1), (1, 0)]


def test_a_bucket_of_time_is_compared_with_the_one_in_its_place(
    warehouse: Warehouse, question: ReportQuery
) -> None:
    hours = replace(question, dimensions=(TIME[Interval.HOUR],), order_by=())
    rows = break_down(warehouse, hours).rows

    changes = compare_rows(warehouse, hours, rows, day_before(question))

    assert {
        row.dimensions[0].hour: (change["pageviews"].now, change["pageviews"].before)
        for row, change in zip(rows, changes, strict=True)
    } == {12: (3, 2), 13: (2, 0)}


def test_a_share_of_an_earlier_row_is_of_everything_then(
    warehouse: Warehouse, question: ReportQuery
) -> None:
    """Dot alone saw /b on the 9th, and is all of that day."""
    table = replace(question, metrics=(PERCENTAGE,), dimensions=(PAGE,))
    rows = [row for row in break_down(warehouse, table).rows if row.dimensions == ("/b",)]

    (change,) = compare_rows(warehouse, table, rows, day_before(question))

    assert (change["percentage"].now, change["percentage"].before) == (1 / 3, 1)


def test_without_dimensions_the_one_row_is_compared(
    warehouse: Warehouse, question: ReportQuery
) -> None:
    rows = break_down(warehouse, question).rows

    assert compare_rows(warehouse, question, rows, day_before(question)) == [
        compare(warehouse, question, day_before(question))
    ]
    assert compare_rows(warehouse, question, [], day_before(question)) == []


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        ((Order(BROWSER),), ["Firefox DE", "Firefox IN", "Chrome IN"]),
        ((Order(COUNTRY, descending=False),), ["Firefox DE", "Chrome IN", "Firefox IN"]),
        (
            (Order(COUNTRY), Order(PAGEVIEWS), Order(BROWSER)),
            ["Firefox IN", "Chrome IN", "Firefox DE"],
        ),
    ],
)
def test_dimensions_can_be_ordered_by(
    order_by: tuple[Order, ...],
    expected: list[str],
    warehouse: Warehouse,
    question: ReportQuery,
) -> None:
    table = replace(question, dimensions=(BROWSER, COUNTRY), order_by=order_by)

    assert [" ".join(row.dimensions) for row in break_down(warehouse, table).rows] == expected
