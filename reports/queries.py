"""The one question that pages, programs and exports ask, and the four verbs that answer it.

`summarise` gives one row, `break_down` a row per value of a dimension, `chart` a row per bucket of
time, `compare` a summary beside that of an earlier range. They run on a warehouse and return plain
rows; all four agree with each other, since a figure has one definition.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from reports.dates import Bucket, DateRange, Interval
from reports.dimensions import INTERVALS, Dimension, time_dimension
from reports.filters import Condition
from reports.metrics import Metric, Money, Unit
from sites.models import Site

if TYPE_CHECKING:
    from reports.warehouse.base import Warehouse

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """Sort by one of the question's metrics or dimensions; what is none comes last."""

    by: Metric | Dimension
    descending: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """What is asked: of which site and days, which figures, grouped and filtered how."""

    site: Site
    range: DateRange
    metrics: tuple[Metric, ...]
    dimensions: tuple[Dimension, ...] = ()
    #: Events meet each of them.
    filters: tuple[Condition, ...] = ()
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    #: Only groups with one of these values in each dimension; empty: all. Changes no figure.
    only: tuple[tuple[Any, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One group: the dimensions' values, and the figures by metric name (None: over nothing)."""

    dimensions: tuple[Any, ...]
    figures: Figures


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Rows of one page of a table, and how many rows there are in all."""

    rows: list[Row]
    total_rows: int


@dataclass(frozen=True, slots=True)
class Point:
    """One bucket of a chart with its figures; counts are 0 and rates None where nothing was."""

    bucket: Bucket
    figures: Figures


@dataclass(frozen=True, slots=True)
class Change:
    """A figure, the figure before, and the difference.

    `difference` is a fraction of the figure before for counts, seconds, ratios and money, and the
    plain difference for rates and percentages. It is None where either is missing, the figure
    before is 0, or they are of different currencies.
    """

    metric: Metric
    #: A number, an amount of Money, or None over nothing.
    now: Any
    before: Any

    @property
    def difference(self) -> float | None:
        """How much the figure has changed; see the class."""
        now, before = _comparable(self.now, self.before)
        if now is None or before is None:
            return None
        if self.metric.unit in {Unit.RATE, Unit.PERCENT}:
            return now - before
        return (now - before) / before if before else None

    @property
    def is_good(self) -> bool | None:
        """Whether the change is one to be glad of; None where there is no change."""
        if not self.difference:
            return None
        return (self.difference > 0) == self.metric.higher_is_better


def summarise(warehouse: Warehouse, query: ReportQuery) -> Figures:
    """Return the figures over the whole range, by metric name."""
    (row,) = warehouse.answer(replace(query, dimensions=(), order_by=(), limit=None))
    return _figures(query.metrics, row)


def break_down(warehouse: Warehouse, query: ReportQuery) -> Breakdown:
    """Return a row per value of the query's dimensions.

    They come as ordered by the query, else with the first metric's greatest first. Values
    without an event in the range have no row.
    """
    if not query.order_by:
        query = replace(query, order_by=(Order(query.metrics[0]),))
    width = len(query.dimensions)
    rows = warehouse.answer(query)
    return Breakdown(
        [Row(row[:width], _figures(query.metrics, row[width:])) for row in rows],
        rows[0][-1] if rows else 0,
    )


def chart(warehouse: Warehouse, query: ReportQuery, interval: Interval) -> list[Point]:
    """Return a point per bucket of the range, in order, with none left out."""
    by_time = time_dimension(interval, query.site.week_begins)
    rows = warehouse.answer(replace(query, dimensions=(by_time,), order_by=()))
    by_key: dict[date | datetime, Figures] = {
        row[0]: _figures(query.metrics, row[1:]) for row in rows
    }
    nothing = _over_nothing(query.metrics)
    return [
        Point(bucket, by_key.get(bucket.key, nothing))
        for bucket in query.range.buckets(interval, query.site.week_begins)
    ]


def compare(
    warehouse: Warehouse, query: ReportQuery, earlier: DateRange | None
) -> dict[str, Change]:
    """Return each metric's change from the earlier range to the query's, by metric name.

    Without an earlier range there is no figure before.
    """
    now = summarise(warehouse, query)
    before = summarise(warehouse, replace(query, range=earlier)) if earlier else {}
    return {
        metric.name: Change(metric, now[metric.name], before.get(metric.name))
        for metric in query.metrics
    }


def compare_rows(
    warehouse: Warehouse, query: ReportQuery, rows: list[Row], earlier: DateRange
) -> list[dict[str, Change]]:
    """Return each row's changes from its group in the earlier range, by metric name.

    `rows` are those that `break_down` gave. A bucket of time is compared with the one that has its
    place in the earlier range, and with nothing where that range has no such place.
    """
    if not rows:
        return []
    places = [_earlier_values(dimension, query, earlier) for dimension in query.dimensions]
    groups = [
        tuple(place(value) for place, value in zip(places, row.dimensions, strict=True))
        for row in rows
    ]
    asked = replace(query, range=earlier, only=tuple(groups), order_by=(), limit=None, offset=0)
    before = {row.dimensions: row.figures for row in break_down(warehouse, asked).rows}
    nothing = _over_nothing(query.metrics)
    return [
        {
            metric.name: Change(
                metric, row.figures[metric.name], before.get(group, nothing)[metric.name]
            )
            for metric in query.metrics
        }
        for row, group in zip(rows, groups, strict=True)
    ]


def _earlier_values(
    dimension: Dimension, query: ReportQuery, earlier: DateRange
) -> Callable[[Any], Any]:
    """Return what tells a value's counterpart: itself, or the bucket that has its place."""
    interval = INTERVALS.get(dimension)
    if interval is None:
        return lambda value: value
    begins = query.site.week_begins
    now = query.range.buckets(interval, begins)
    pairs = zip(now, earlier.buckets(interval, begins), strict=False)
    return {bucket.key: before.key for bucket, before in pairs}.get


def _over_nothing(metrics: tuple[Metric, ...]) -> Figures:
    return {metric.name: 0 if metric.unit is Unit.COUNT else None for metric in metrics}


def _comparable(now: Any, before: Any) -> tuple[float | None, float | None]:
    """Return the two as numbers of the same kind; None, None where they are not of one currency."""
    if isinstance(now, Money) and isinstance(before, Money):
        same = now.currency == before.currency
        return (float(now.amount), float(before.amount)) if same else (None, None)
    if isinstance(now, Money) or isinstance(before, Money):
        return None, None
    return now, before


def _figures(metrics: tuple[Metric, ...], values: tuple[Any, ...]) -> Figures:
    return {
        metric.name: Money(**value) if metric.unit is Unit.MONEY and value else value
        for metric, value in zip(metrics, values, strict=False)
    }
