"""The one question that pages, programs and exports ask, and the four verbs that answer it.

`summarise` gives one row, `break_down` a row per value of a dimension, `chart` a row per bucket of
time, `compare` a summary beside that of an earlier range. They run on a warehouse and return plain
rows; all four agree with each other, since a figure has one definition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from reports.dates import Bucket, DateRange, Interval
from reports.dimensions import TIME, Dimension
from reports.metrics import Metric, Unit
from sites.models import Site

if TYPE_CHECKING:
    from reports.warehouse.base import Warehouse

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Only events whose dimension has (or, negated, has not) one of these values."""

    dimension: Dimension
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """Sort by a metric."""

    metric: Metric
    descending: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """What is asked: of which site and days, which figures, grouped and filtered how."""

    site: Site
    range: DateRange
    metrics: tuple[Metric, ...]
    dimensions: tuple[Dimension, ...] = ()
    filters: tuple[Filter, ...] = ()
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One group: the dimensions' values, and the figures by metric name (None: over nothing)."""

    dimensions: tuple[str, ...]
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

    `difference` is a fraction of the figure before for counts, seconds and ratios, and the plain
    difference for rates and percentages. It is None where either is missing or the figure before
    is 0.
    """

    metric: Metric
    now: float | None
    before: float | None

    @property
    def difference(self) -> float | None:
        """How much the figure has changed; see the class."""
        if self.now is None or self.before is None:
            return None
        if self.metric.unit in {Unit.RATE, Unit.PERCENT}:
            return self.now - self.before
        return (self.now - self.before) / self.before if self.before else None

    @property
    def is_good(self) -> bool | None:
        """Whether the change is one to be glad of; None where there is no change."""
        if not self.difference:
            return None
        return (self.difference > 0) == self.metric.higher_is_better


def summarise(warehouse: Warehouse, query: ReportQuery) -> Figures:
    """Return the figures over the whole range, by metric name."""
    statement = warehouse.write(replace(query, dimensions=(), order_by=(), limit=None))
    (row,) = warehouse.rows(statement)
    return _figures(query.metrics, row)


def break_down(warehouse: Warehouse, query: ReportQuery) -> Breakdown:
    """Return a row per value of the query's dimensions.

    They come as ordered by the query, else with the first metric's greatest first. Values
    without an event in the range have no row.
    """
    if not query.order_by:
        query = replace(query, order_by=(Order(query.metrics[0]),))
    width = len(query.dimensions)
    rows = warehouse.rows(warehouse.write(query))
    return Breakdown(
        [Row(row[:width], _figures(query.metrics, row[width:])) for row in rows],
        rows[0][-1] if rows else 0,
    )


def chart(warehouse: Warehouse, query: ReportQuery, interval: Interval) -> list[Point]:
    """Return a point per bucket of the range, in order, with none left out."""
    statement = warehouse.write(replace(query, dimensions=(TIME[interval],), order_by=()))
    by_key: dict[date | datetime, Figures] = {
        row[0]: _figures(query.metrics, row[1:]) for row in warehouse.rows(statement)
    }
    nothing = {metric.name: 0 if metric.unit is Unit.COUNT else None for metric in query.metrics}
    return [
        Point(bucket, by_key.get(bucket.key, nothing)) for bucket in query.range.buckets(interval)
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


def _figures(metrics: tuple[Metric, ...], values: tuple[Any, ...]) -> Figures:
    return {metric.name: value for metric, value in zip(metrics, values, strict=False)}
