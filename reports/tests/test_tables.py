"""Tables: how values are shown, how long bars are, what shares are of."""

from __future__ import annotations

from typing import Any

import pytest

from reports.dimensions import (
    BROWSER,
    COUNTRY,
    DEVICE,
    DIMENSIONS,
    ENTRY_PAGE,
    PAGE,
    REFERRER,
    SOURCE,
    Dimension,
)
from reports.metrics import (
    BOUNCE_RATE,
    PAGEVIEWS,
    SCROLL_DEPTH,
    TIME_ON_PAGE,
    VIEWS_PER_VISIT,
    VISITORS,
    Metric,
)
from reports.queries import Breakdown, Row
from reports.tables import Table, make_table, show_value


def table_of(
    metrics: tuple[Metric, ...], *rows: tuple[Any, ...], whole: float | None, total_rows: int = 0
) -> Table:
    """Return the table of pages with these rows: a page, then its figures."""
    names = [metric.name for metric in metrics]
    breakdown = Breakdown(
        [Row((page,), dict(zip(names, figures, strict=True))) for page, *figures in rows],
        total_rows or len(rows),
    )
    return make_table(PAGE, metrics, breakdown, whole, "?{}".format)


def test_a_count_is_a_share_of_the_whole() -> None:
    table = table_of((VISITORS, BOUNCE_RATE), ("/", 30, 0.5), ("/a", 1, None), whole=40)

    assert [(row.label, row.bar_percent, row.share, row.cells) for row in table.rows] == [
        ("/", 75, "75%", ["30", "50%"]),
        ("/a", 2.5, "2.5%", ["1", "–"]),
    ]


def test_a_row_leads_to_its_value() -> None:
    table = table_of((VISITORS,), ("/a", 1), whole=1)

    assert [row.url for row in table.rows] == ["?/a"]


def test_a_rates_bar_is_the_rate() -> None:
    table = table_of((BOUNCE_RATE,), ("/", 1.0), ("/a", 0.25), ("/b", None), whole=0.3)

    assert [(row.bar_percent, row.share) for row in table.rows] == [(100, ""), (25, ""), (0, "")]


@pytest.mark.parametrize("metric", [TIME_ON_PAGE, SCROLL_DEPTH, VIEWS_PER_VISIT])
def test_another_figures_bar_is_in_proportion_to_the_greatest(metric: Metric) -> None:
    table = table_of((metric,), ("/", 20.0), ("/a", 80.0), ("/b", None), whole=50)

    assert [(row.bar_percent, row.share) for row in table.rows] == [(25, ""), (100, ""), (0, "")]


@pytest.mark.parametrize("whole", [None, 0])
def test_without_a_whole_there_are_no_bars(whole: float | None) -> None:
    (row,) = table_of((PAGEVIEWS,), ("/", 0), whole=whole).rows

    assert (row.bar_percent, row.share, row.cells) == (0, "", ["0"])


def test_no_bar_is_longer_than_its_row() -> None:
    (row,) = table_of((PAGEVIEWS,), ("/", 9), whole=8).rows

    assert row.bar_percent == 100


def test_a_table_of_nothing_has_no_rows() -> None:
    table = table_of((TIME_ON_PAGE,), whole=None)

    assert (table.rows, table.hidden_rows) == ([], 0)


def test_a_table_knows_how_many_rows_it_does_not_show() -> None:
    table = table_of((VISITORS,), ("/", 3), ("/a", 2), whole=9, total_rows=7)

    assert (table.dimension, table.metrics, table.hidden_rows) == (PAGE, (VISITORS,), 5)


@pytest.mark.parametrize(
    ("dimension", "value", "shown"),
    [
        (COUNTRY, "DE", "Germany"),
        (COUNTRY, "XX", "XX"),
        (COUNTRY, "", "(unknown)"),
        (DEVICE, "desktop", "Desktop"),
        (DEVICE, "", "(unknown)"),
        (SOURCE, "", "Direct / None"),
        (REFERRER, "", "Direct / None"),
        (BROWSER, "Mobile Safari UI/WKWebView", "Mobile Safari UI/WKWebView"),
        (ENTRY_PAGE, "", "(none)"),
        (DIMENSIONS["utm_source"], "", "(none)"),
        (PAGE, "/DE", "/DE"),
    ],
)
def test_shows_values_as_people_read_them(dimension: Dimension, value: str, shown: str) -> None:
    assert show_value(dimension, value) == shown
