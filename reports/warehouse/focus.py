"""The events that a page asks about again and again, taken out of the archive once.

A page asks some fifteen questions about the same days under the same filters. Where these leave few
enough events, they are put into a table in memory first: files are read once, not fifteen times. Of
many, what is known of their visits goes into a second one, a sixth as long, for all questions that
ask nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from archive.columns import COLUMNS, FIGURE_COLUMNS, VISIT_COLUMNS
from archive.live import SiteState
from reports.components import Component, Level
from reports.conditions import Parameters, write_condition
from reports.dimensions import OF_TIME
from reports.filters import Condition, Filter, dimensions_of
from reports.needs import columns_for
from reports.queries import ReportQuery
from reports.warehouse.tables import MadeTables

#: What is known of a visit, and what every question names.
_OF_VISITS: Final = {"site_id", "happened_on", "visit_id", *VISIT_COLUMNS, *FIGURE_COLUMNS}


@dataclass(frozen=True, slots=True)
class Focus:
    """Events of some days that meet the filters, as something to select from.

    `is_made`: they were put into a table. `has_visits`: that has not each event, but what is known
    of their visits, once.
    """

    source: str
    filters: frozenset[Condition]
    columns: frozenset[str]
    is_made: bool = False
    has_visits: bool = False

    def narrow(self, query: ReportQuery, components: list[Component]) -> ReportQuery | None:
        """Return the query as it is asked of these events; None: it needs what they have not."""
        if not self.filters <= set(query.filters):
            return None
        narrowed = among(query, self.filters)
        if any(dimensions_of(condition) is None for condition in narrowed.filters):
            return None
        if self.has_visits and not is_of_visits(narrowed, components):
            return None
        return narrowed if columns_for(narrowed, components) <= self.columns else None


def read_days(state: SiteState, first_day: date, end_day: date) -> Focus:
    """Return all events of the days, where they are."""
    source = f"{state.events(first_day, end_day)} AS events"
    return Focus(source, frozenset(), frozenset(COLUMNS))


class Chosen:
    """The events of some days that meet filters: to be counted, or put into tables."""

    def __init__(
        self,
        state: SiteState,
        tables: MadeTables,
        days: tuple[date, date],
        filters: frozenset[Condition],
    ) -> None:
        self._tables = tables
        self._site = f"{state.site_id:d} AS site_id"
        self._first_day, end_day = days
        self._filters = filters
        self._parameters: Parameters = {"first_day": self._first_day, "end_day": end_day}
        conditions = ["happened_on >= $first_day", "happened_on < $end_day"]
        conditions += [write_condition(each, self._parameters) for each in filters]
        self._rows = f"{state.events(*days)} WHERE {' AND '.join(conditions)}"

    def count(self) -> int:
        """Return how many there are: what decides is read for it."""
        counted = self._tables.engine.execute(
            f"SELECT count(*) FROM {self._rows}", self._parameters
        )
        return int(counted.fetchall()[0][0])

    def make_events(self, columns: frozenset[str]) -> Focus:
        """Return a table of these columns of each event. The site, the same for all, is none."""
        stored = ", ".join(sorted(columns - {"site_id"}))
        table = self._tables.make(f"SELECT {stored} FROM {self._rows}", self._parameters)
        source = f"(SELECT *, {self._site} FROM {table}) AS events"
        return Focus(source, self._filters, columns, is_made=True)

    def make_visits(self, columns: frozenset[str]) -> Focus:
        """Return a table of these columns of each visit, as if it had one event."""
        stored = ", ".join(sorted(columns - {"site_id", "happened_on"}))
        table = self._tables.make(f"SELECT DISTINCT {stored} FROM {self._rows}", self._parameters)
        day = f"DATE '{self._first_day}' AS happened_on"
        source = f"(SELECT *, {self._site}, {day} FROM {table}) AS events"
        return Focus(source, self._filters, columns, is_made=True, has_visits=True)


def among(query: ReportQuery, filters: frozenset[Condition]) -> ReportQuery:
    """Return the query as it is asked of events that all meet the filters.

    These are left out, and a dimension of which they leave one value is that value.
    """
    values = {
        each.dimension: each.values[0]
        for each in filters
        if isinstance(each, Filter) and each.is_one_value and not each.dimension.condition
    }
    dimensions = tuple(
        replace(each, expression="{argument}", argument=values[each]) if each in values else each
        for each in query.dimensions
    )
    further = tuple(each for each in query.filters if each not in filters)
    return replace(query, dimensions=dimensions, filters=further)


def is_of_visits(query: ReportQuery, components: list[Component]) -> bool:
    """Return whether it asks of each visit only that it has an event on the query's days."""
    days = query.range
    return (
        days.since is None
        and days.until is None
        and all(part.level in (Level.VISITOR, Level.VISIT) for part in components)
        and OF_TIME.isdisjoint(query.dimensions)
        and columns_for(query, components) <= _OF_VISITS
    )
