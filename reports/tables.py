"""Breakdowns as tables that a template can draw without a thought."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from reports.countries import name_country
from reports.dimensions import COUNTRY, DEVICE, Dimension
from reports.formats import format_figure, format_share
from reports.metrics import Metric, Unit
from reports.queries import Breakdown
from reports.words import say


@dataclass(frozen=True, slots=True)
class TableRow:
    """One value of the dimension: how it is shown, its bar's length in percent, its figures.

    `url` leads to the page about this value alone.
    """

    value: str
    label: str
    url: str
    bar_percent: float
    share: str
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A dimension's values with some figures each, the first of which the bars show."""

    dimension: Dimension
    metrics: tuple[Metric, ...]
    rows: list[TableRow]
    total_rows: int
    #: It is of days whose events are not kept, and their daily figures do not tell it.
    needs_events: bool = False

    @property
    def hidden_rows(self) -> int:
        """How many values there are beyond those shown."""
        return self.total_rows - len(self.rows)

    def first(self, count: int) -> Table:
        """Return the table with so many of its rows."""
        return replace(self, rows=self.rows[:count])


def make_table(
    dimension: Dimension,
    metrics: tuple[Metric, ...],
    breakdown: Breakdown,
    whole: float | None,
    url_of: Callable[[str], str],
) -> Table:
    """Return the breakdown's first dimension as a table.

    `whole` is the first metric's figure over everything: a count's share is of it, and its bar. A
    rate's bar is the rate; another figure's is in proportion to the greatest in the table. `url_of`
    gives the address for a value.
    """
    leading = metrics[0]
    figures = [row.figures[leading.name] or 0 for row in breakdown.rows]
    full = {Unit.COUNT: whole, Unit.RATE: 1}.get(leading.unit, max(figures, default=0))
    rows = [
        TableRow(
            value=row.dimensions[0],
            label=show_value(dimension, row.dimensions[0]),
            url=url_of(row.dimensions[0]),
            bar_percent=round(100 * min(figure / full, 1), 1) if full else 0,
            share=format_share(figure / whole) if whole and leading.unit is Unit.COUNT else "",
            cells=[format_figure(row.figures[m.name], m.unit) for m in metrics],
        )
        for row, figure in zip(breakdown.rows, figures, strict=True)
    ]
    return Table(dimension, metrics, rows, breakdown.total_rows)


def show_value(dimension: Dimension, value: str) -> str:
    """Return a value as people read it: a country's name, a capital letter, "Direct / None"."""
    if not value:
        return say(dimension.empty)
    if dimension is COUNTRY:
        return name_country(value)
    if dimension is DEVICE:
        return say(value.capitalize())
    return value
