"""Charts: lines where figures are, gaps where they are not, round levels, labels that fit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.charts import HEIGHT, WIDTH, Chart, draw_chart, draw_sparkline, format_bucket
from reports.dates import Bucket, DateRange, Interval
from reports.forms import CHARTED
from reports.metrics import (
    BOUNCE_RATE,
    SCROLL_DEPTH,
    VIEWS_PER_VISIT,
    VISIT_DURATION,
    VISITORS,
    Metric,
)
from reports.queries import Point
from visits.tests.hits import DAY, HOUR, NOON

BERLIN = ZoneInfo("Europe/Berlin")

#: When all that is drawn lies behind.
LATER = NOON + 10 * 365 * DAY


def days_from(first_day: date, count: int) -> DateRange:
    """Return so many days in Berlin."""
    return DateRange(first_day=first_day, end_day=first_day + count * DAY, zone=BERLIN)


def draw(
    values: Sequence[float | None],
    before: Sequence[float | None] = (),
    *,
    metric: Metric = VISITORS,
    interval: Interval = Interval.DAY,
    now: datetime = LATER,
) -> Chart:
    """Return the chart of values from 2 March 2026 on, a day each, and of those before."""

    def points(figures: Sequence[float | None], first_day: date) -> list[Point]:
        buckets = days_from(first_day, len(figures)).buckets(Interval.DAY)
        return [
            Point(bucket, {metric.name: value})
            for bucket, value in zip(buckets, figures, strict=True)
        ]

    return draw_chart(
        metric, points(values, date(2026, 3, 2)), points(before, date(2026, 2, 2)), interval, now
    )


def test_draws_a_line_through_the_middle_of_each_bucket() -> None:
    chart = draw([0, 2, 4, 4])

    assert [(mark.left, mark.x, mark.width) for mark in chart.marks] == [
        (0, 125, 250),
        (250, 375, 250),
        (500, 625, 250),
        (750, 875, 250),
    ]
    assert chart.line == "M125 240L375 123L625 6L875 6"
    assert chart.area == "M125 240L375 123L625 6L875 6L875 240L125 240Z"
    assert (chart.unfinished_line, chart.before_line, chart.lone_marks) == ("", "", [])


def test_its_table_says_the_same_in_words() -> None:
    chart = draw([1, 1234], [None, 3])

    assert [(mark.label, mark.value, mark.before) for mark in chart.marks] == [
        ("Mon 2 Mar 2026", "1", "–"),
        ("Tue 3 Mar 2026", "1,234", "3"),
    ]


def test_a_rate_over_nothing_is_a_gap_and_not_a_zero() -> None:
    chart = draw([0.5, 1.0, None, 0.0, 0.5, None, 1.0], metric=BOUNCE_RATE)

    assert chart.line.count("M") == 3
    assert chart.line.count("L") == 2
    assert chart.area.count("Z") == 2
    assert [mark.value for mark in chart.marks] == ["50%", "100%", "–", "0%", "50%", "–", "100%"]
    # What no line reaches is drawn as a dot.
    assert [mark.value for mark in chart.lone_marks] == ["100%"]
    assert chart.lone_marks == [chart.marks[6]]


def test_a_single_bucket_is_a_dot() -> None:
    chart = draw([3])

    assert chart.lone_marks == chart.marks
    assert (chart.area, chart.labels) == ("", ["2 Mar"])


def test_the_bucket_that_is_going_on_is_drawn_apart() -> None:
    """At noon of the third day the line ends at the second; another leads on to the third."""
    chart = draw([1, 2, 2, 0], now=datetime(2026, 3, 4, 12, tzinfo=BERLIN))

    assert [mark.is_unfinished for mark in chart.marks] == [False, False, True, False]
    assert chart.line == "M125 123L375 6"
    assert chart.unfinished_line == "M375 6L625 6"


def test_buckets_that_have_not_begun_are_blank() -> None:
    chart = draw([1, 2, 0, 0], now=datetime(2026, 3, 3, 12, tzinfo=BERLIN))

    assert [mark.value for mark in chart.marks] == ["1", "2", "–", "–"]
    assert [mark.y for mark in chart.marks[2:]] == [None, None]


def test_a_bucket_begins_with_its_first_instant() -> None:
    at_midnight = draw([1, 2], now=datetime(2026, 3, 3, tzinfo=BERLIN))

    assert [(mark.value, mark.is_unfinished) for mark in at_midnight.marks] == [
        ("1", False),
        ("2", True),
    ]


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ([], ""),
        ([4, 2], "M250 6L750 123"),
        # A longer range before is cut, a shorter one ends sooner.
        ([4, 2, 4], "M250 6L750 123"),
        ([4], "M250 6"),
    ],
)
def test_the_range_before_lies_under_it_bucket_by_bucket(before: list[float], line: str) -> None:
    assert draw([4, 4], before).before_line == line


@pytest.mark.parametrize(
    ("metric", "values", "levels"),
    [
        (VISITORS, [0, 0], ["1", "0"]),
        (VISITORS, [1], ["1", "0"]),
        (VISITORS, [3], ["3", "2", "1", "0"]),
        (VISITORS, [5], ["6", "4", "2", "0"]),
        (VISITORS, [21], ["30", "20", "10", "0"]),
        (VISITORS, [90], ["100", "75", "50", "25", "0"]),
        (VISITORS, [1_000_000], ["1,000,000", "750,000", "500,000", "250,000", "0"]),
        (BOUNCE_RATE, [0.0], ["5.0%", "0%"]),
        (BOUNCE_RATE, [0.5], ["60%", "40%", "20%", "0%"]),
        (BOUNCE_RATE, [1.0], ["100%", "75%", "50%", "25%", "0%"]),
        (BOUNCE_RATE, [0.97, None], ["100%", "75%", "50%", "25%", "0%"]),
        (BOUNCE_RATE, [None], ["5.0%", "0%"]),
        (VIEWS_PER_VISIT, [1.2], ["1.50", "1.00", "0.50", "0.00"]),
        (SCROLL_DEPTH, [100.0], ["100%", "75%", "50%", "25%", "0%"]),
        (VISIT_DURATION, [0.0], ["1s", "0s"]),
        (VISIT_DURATION, [50.0], ["1m 00s", "45s", "30s", "15s", "0s"]),
        (VISIT_DURATION, [14_400.0], ["4h 00m", "3h 00m", "2h 00m", "1h 00m", "0s"]),
        (VISIT_DURATION, [20_000.0], ["6h 00m", "4h 00m", "2h 00m", "0s"]),
    ],
)
def test_levels_are_round(metric: Metric, values: list[float | None], levels: list[str]) -> None:
    chart = draw(values, metric=metric)

    assert chart.levels == levels
    assert (chart.gridlines[0], chart.gridlines[-1]) == (6, HEIGHT)


def test_the_range_before_fits_in_as_well() -> None:
    assert draw([1], [8]).levels[0] == "8"


@given(
    st.sampled_from(CHARTED),
    st.lists(st.none() | st.floats(0, 1e9), min_size=1, max_size=40),
    st.lists(st.none() | st.floats(0, 1e9), max_size=40),
)
def test_nothing_is_drawn_outside_the_drawing(
    metric: Metric, values: list[float | None], before: list[float | None]
) -> None:
    most = 1 if metric.unit == "rate" else 1e9
    chart = draw(
        [None if value is None else min(value, most) for value in values],
        [None if value is None else min(value, most) for value in before],
        metric=metric,
    )

    for mark in chart.marks:
        assert mark.y is None or 0 <= mark.y <= HEIGHT
        assert 0 <= mark.left < mark.x < WIDTH
    assert 2 <= len(chart.levels) == len(chart.gridlines) <= 7
    assert chart.gridlines == sorted(chart.gridlines)


def test_a_chart_of_nothing_says_so() -> None:
    assert draw([0, 0]).is_empty
    assert draw([None, None], metric=BOUNCE_RATE).is_empty
    assert not draw([0, 1]).is_empty
    assert draw([]).marks == []


@pytest.mark.parametrize(
    ("days", "interval", "labels"),
    [
        (1, Interval.HOUR, ["00:00", "04:00", "08:00", "12:00", "15:00", "19:00", "23:00"]),
        (3, Interval.HOUR, ["2 Mar", "2 Mar", "3 Mar", "3 Mar", "3 Mar", "4 Mar", "4 Mar"]),
        (3, Interval.DAY, ["2 Mar", "3 Mar", "4 Mar"]),
        (28, Interval.DAY, ["2 Mar", "6 Mar", "11 Mar", "16 Mar", "20 Mar", "24 Mar", "29 Mar"]),
        (15, Interval.WEEK, ["2 Mar", "9 Mar", "16 Mar"]),
        (40, Interval.MONTH, ["Mar 2026", "Apr 2026"]),
    ],
)
def test_up_to_seven_labels_from_the_first_bucket_to_the_last(
    days: int, interval: Interval, labels: list[str]
) -> None:
    buckets = days_from(date(2026, 3, 2), days).buckets(interval)
    points = [Point(bucket, {"visitors": 0}) for bucket in buckets]

    assert draw_chart(VISITORS, points, [], interval, LATER).labels == labels


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval.HOUR, "Tue 10 Mar, 14:00"),
        (Interval.DAY, "Tue 10 Mar 2026"),
        (Interval.WEEK, "Week of 10 Mar 2026"),
        (Interval.MONTH, "March 2026"),
    ],
)
def test_a_bucket_has_a_name(interval: Interval, text: str) -> None:
    at = datetime(2026, 3, 10, 14, tzinfo=BERLIN)

    assert format_bucket(Bucket(at.date(), at, at + HOUR), interval) == text


@pytest.mark.parametrize(
    ("counts", "path"),
    [
        ([0, 0, 0], "M0 23L50 23L100 23"),
        ([0, 2, 4], "M0 23L50 12L100 1"),
        ([5], "M0 1"),
    ],
)
def test_draws_a_small_line(counts: list[int], path: str) -> None:
    assert draw_sparkline(counts) == path
