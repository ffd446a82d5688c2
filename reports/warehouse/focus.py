"""The events that a page asks about again and again, taken out of the archive once.

A page asks some fifteen questions about the same days under the same filters. Where these leave few
enough events, they are put into a table in memory first: files are read once, not fifteen times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain
from typing import Final

from django.conf import settings

from archive.columns import COLUMNS, FIGURE_COLUMNS, VISIT_COLUMNS
from archive.live import SiteState
from reports.components import Component, Level
from reports.conditions import Parameters, write_condition
from reports.dimensions import TIME
from reports.filters import Condition, Filter, dimensions_of
from reports.needs import columns_for
from reports.queries import ReportQuery
from reports.sql import counted_parts
from reports.warehouse.tables import MadeTables

#: Values of events for which a megabyte of the engine's memory is enough, a third of it left to
#: questions: some fifteen bytes each, a page's text as a country's.
VALUES_PER_MB: Final = 45_000
#: So few questions read files themselves, each no more than it needs.
FEW_QUESTIONS: Final = 2
#: Where filters leave some of so few events, these are read sooner than daily figures.
FEW_EVENTS: Final = 600_000
#: Of so many events a table of their visits is made too, for what it answers sooner.
MANY_EVENTS: Final = 50_000
#: What is known of a visit, and what every question names.
_OF_VISITS: Final = {"site_id", "happened_on", "visit_id", *VISIT_COLUMNS, *FIGURE_COLUMNS}


@dataclass(frozen=True, slots=True)
class Part:
    """What is counted at once of the events that a question is about."""

    query: ReportQuery
    components: list[Component]
    columns: set[str]
    #: Whether daily figures answer it.
    has_figures: bool

    @property
    def days(self) -> tuple[date, date]:
        """The days that it is about: the first, and the one after the last."""
        return self.query.range.first_day, self.query.range.end_day


@dataclass(frozen=True, slots=True)
class Focus:
    """Events of some days that meet the filters, as something to select from.

    `is_made`: they were put into a table. `has_visits`: that has not each event, but what is known
    of their visits, once. `replaces_figures`: it is also for what daily figures answer.
    """

    source: str
    filters: frozenset[Condition]
    columns: frozenset[str]
    is_made: bool
    has_visits: bool
    replaces_figures: bool

    def narrow(self, query: ReportQuery, components: list[Component]) -> ReportQuery | None:
        """Return the query as it is asked of these events; None: it needs what they have not."""
        if not self.filters <= set(query.filters):
            return None
        narrowed = _among(query, self.filters)
        if any(dimensions_of(condition) is None for condition in narrowed.filters):
            return None
        if self.has_visits and not _is_of_visits(narrowed, components):
            return None
        return narrowed if columns_for(narrowed, components) <= self.columns else None


class Expectation:
    """The questions that are going to be asked, and the tables that several of them share.

    `has_figures` says of a part whether daily figures answer it.
    """

    def __init__(
        self,
        state: SiteState,
        tables: MadeTables,
        questions: Iterable[ReportQuery],
        has_figures: Callable[[ReportQuery, list[Component]], bool],
    ) -> None:
        self._state = state
        self._tables = tables
        self._has_figures = has_figures
        self._parts = [
            Part(part, components, columns_for(part, components), has_figures(part, components))
            for question in questions
            for _, part, components in counted_parts(question)
        ]
        self._made: dict[tuple[date, date], list[Focus]] = {}

    def columns_at(self, end_day: date, until: datetime | None) -> set[str]:
        """Return the columns that daily figures lack of days with this end."""
        asked = [
            part.columns
            for part in self._parts
            if part.has_figures
            and (part.query.range.end_day, part.query.range.until) == (end_day, until)
        ]
        return set().union(*asked)

    def narrow(
        self, query: ReportQuery, components: list[Component]
    ) -> tuple[ReportQuery, Focus] | None:
        """Return what to ask instead, and of which events: a table is made of them when it pays.

        None where it is to be asked of daily figures, or files.
        """
        days = query.range.first_day, query.range.end_day
        if days not in self._made:
            self._made[days] = self._make(*days)
        for focus in self._made[days]:
            if focus.replaces_figures or not self._has_figures(query, components):
                narrowed = focus.narrow(query, components)
                if narrowed is not None:
                    return narrowed, focus
        return None

    def _make(self, first_day: date, end_day: date) -> list[Focus]:
        """Return the events of the days that questions need; none where they are too many."""
        parts = [part for part in self._parts if part.days == (first_day, end_day)]
        events = self._count_at_most(first_day, end_day)
        replaces_figures = bool(_shared_filters(parts)) and events <= FEW_EVENTS
        if not replaces_figures:
            parts = [part for part in parts if not part.has_figures]
        if len(parts) <= FEW_QUESTIONS:
            return [self._read_files(first_day, end_day)] if replaces_figures else []
        filters = _shared_filters(parts)
        parameters: Parameters = {"first_day": first_day, "end_day": end_day}
        conditions = ["happened_on >= $first_day", "happened_on < $end_day"]
        conditions += [write_condition(each, parameters) for each in filters]
        source = f"{self._state.events(first_day, end_day)} WHERE {' AND '.join(conditions)}"
        of_visits, of_events = _columns(parts, filters, with_visits=events >= MANY_EVENTS)
        most = settings.REPORT_MEMORY_MB * VALUES_PER_MB / max(1, len(of_events))
        if events > most and (not filters or self._count(source, parameters) > most):
            return []
        # What is the same for all of a table is not stored.
        site = f"{self._state.site_id:d} AS site_id"
        made = []
        for columns, has_visits in ((of_visits, True), (of_events, False)):
            if not columns:
                continue
            known = {"site_id", "happened_on"} if has_visits else {"site_id"}
            stored = ", ".join(sorted(columns - known))
            distinct = "DISTINCT " if has_visits else ""
            table = self._tables.make(f"SELECT {distinct}{stored} FROM {source}", parameters)
            a_day = f", DATE '{first_day}' AS happened_on" if has_visits else ""
            made.append(
                Focus(
                    f"(SELECT *, {site}{a_day} FROM {table}) AS events",
                    filters,
                    columns,
                    is_made=True,
                    has_visits=has_visits,
                    replaces_figures=replaces_figures,
                )
            )
        return made

    def _read_files(self, first_day: date, end_day: date) -> Focus:
        return Focus(
            f"{self._state.events(first_day, end_day)} AS events",
            frozenset(),
            frozenset(COLUMNS),
            is_made=False,
            has_visits=False,
            replaces_figures=True,
        )

    def _count(self, source: str, parameters: Parameters) -> int:
        """Return how many events there are: what decides is read once more then."""
        counted = self._tables.engine.execute(f"SELECT count(*) FROM {source}", parameters)
        return int(counted.fetchall()[0][0])

    def _count_at_most(self, first_day: date, end_day: date) -> float:
        """Return about how many events the days have, as if each file's were spread evenly."""
        total = 0.0
        for file in self._state.files:
            days = (min(end_day, file.end_day) - max(first_day, file.first_day)).days
            total += file.rows * max(0, days) / (file.end_day - file.first_day).days
        return total


def _shared_filters(parts: list[Part]) -> frozenset[Condition]:
    """Return the filters of all parts that an event meets by itself."""
    shared = [frozenset(part.query.filters) for part in parts]
    filters = frozenset.intersection(*shared) if shared else frozenset()
    return frozenset(each for each in filters if dimensions_of(each) is not None)


def _columns(
    parts: list[Part], filters: frozenset[Condition], *, with_visits: bool
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the columns that parts need of visits alone, and those that the others do of events.

    None of the first without visits, and where they would be for few parts.
    """
    asked = [(_among(part.query, filters), part.components) for part in parts]
    of_visits = [each for each in asked if _is_of_visits(*each)]
    if not with_visits or len(of_visits) <= FEW_QUESTIONS:
        of_visits = []
    of_events = [each for each in asked if each not in of_visits]
    return (
        frozenset(chain.from_iterable(columns_for(*each) for each in of_visits)),
        frozenset(chain.from_iterable(columns_for(*each) for each in of_events)),
    )


def _is_of_visits(query: ReportQuery, components: list[Component]) -> bool:
    """Whether it is the same to know of each visit that it has an event on the query's days."""
    days = query.range
    return (
        days.since is None
        and days.until is None
        and all(part.level in (Level.VISITOR, Level.VISIT) for part in components)
        and not any(dimension in TIME.values() for dimension in query.dimensions)
        and columns_for(query, components) <= _OF_VISITS
    )


def _among(query: ReportQuery, filters: frozenset[Condition]) -> ReportQuery:
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
