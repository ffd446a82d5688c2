"""The events that a page asks about again and again, taken out of the archive once.

A page asks some fifteen questions about the same days under the same filters. Where these leave few
enough events, they are put into a table in memory first: files are read once, not fifteen times.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Final

from django.conf import settings

from archive.columns import COLUMNS
from archive.live import SiteState
from reports.components import COMPONENTS, Component
from reports.conditions import Parameters, write_condition
from reports.dates import DateRange
from reports.dimensions import Dimension
from reports.filters import Condition, dimensions_of
from reports.queries import ReportQuery

#: Events for which a megabyte of the engine's memory is enough, a third of it left to questions.
EVENTS_PER_MB: Final = 1_500

#: What every question needs of an event.
ALWAYS: Final = {
    "site_id",
    "visit_id",
    "visitor",
    "happened_at",
    "happened_on",
    "page",
    "name",
    *(column for part in COMPONENTS.values() for column in part.columns),
    "engagement_ms",
    "scroll_depth",
}
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Focus:
    """A table of events in the engine: of which days, meeting what, with which columns."""

    table: str
    first_day: date
    end_day: date
    filters: tuple[Condition, ...]
    columns: frozenset[str]

    def covers(self, query: ReportQuery, components: Iterable[Component]) -> bool:
        """Return whether every event and column that the query needs is in the table."""
        if not self.first_day <= query.range.first_day <= query.range.end_day <= self.end_day:
            return False
        if not set(self.filters) <= set(query.filters):
            return False
        asked = set(query.dimensions)
        for condition in query.filters:
            decided_by = dimensions_of(condition)
            if decided_by is None:
                return False
            asked |= decided_by
        needed = {column for part in components for column in part.columns}
        return columns_of(asked) | needed <= self.columns


def columns_of(dimensions: Iterable[Dimension]) -> set[str]:
    """Return the columns of an event that the dimensions are made of."""
    texts = [f"{dimension.expression} {dimension.condition}" for dimension in dimensions]
    return {word for text in texts for word in _WORD.findall(text)} & COLUMNS.keys()


@dataclass(slots=True)
class Expectation:
    """What a page is going to ask: about which days, by which dimensions, under which filters."""

    state: SiteState
    #: What is asked about, each with the dimensions that it is asked by.
    ranges: Mapping[DateRange, Collection[Dimension]]
    filters: tuple[Condition, ...]
    _made: list[Focus | None] = field(default_factory=list)

    def dimensions_at(self, end_day: date, until: datetime | None) -> set[Dimension] | None:
        """Return what ranges with this end are asked by or filtered on; None: no such range is."""
        asked = [
            dimensions
            for days, dimensions in self.ranges.items()
            if (days.end_day, days.until) == (end_day, until)
        ]
        if not asked:
            return None
        return {*chain.from_iterable(asked), *self._filtered_on(self.filters)}

    def table_for(self, query: ReportQuery, components: Iterable[Component]) -> str | None:
        """Return a table with all that the query needs, made for the first one; None without."""
        if not self._made:
            self._made.append(self._make())
        focus = self._made[0]
        return focus.table if focus and focus.covers(query, components) else None

    def _make(self) -> Focus | None:
        """Return the events of the days that meet the filters; None where they are too many."""
        kept = tuple(each for each in self.filters if dimensions_of(each) is not None)
        parameters: Parameters = {"first_day": self.first_day, "end_day": self.end_day}
        conditions = ["happened_on >= $first_day", "happened_on < $end_day"]
        conditions += [write_condition(each, parameters) for each in kept]
        source = (
            f"{self.state.events(self.first_day, self.end_day)} WHERE {' AND '.join(conditions)}"
        )
        engine = self.state.engine
        most = settings.REPORT_MEMORY_MB * EVENTS_PER_MB
        if self._count_at_most() > most:
            # What decides is read once more then, but not again for each question.
            counted = engine.execute(f"SELECT count(*) FROM {source}", parameters) if kept else None
            if counted is None or counted.fetchall()[0][0] > most:
                return None
        asked = {*chain.from_iterable(self.ranges.values()), *self._filtered_on(kept)}
        columns = frozenset(columns_of(asked) | ALWAYS)
        names = ", ".join(sorted(columns))
        engine.execute(f"CREATE TEMP TABLE focus AS SELECT {names} FROM {source}", parameters)
        return Focus("focus", self.first_day, self.end_day, kept, columns)

    @staticmethod
    def _filtered_on(filters: Iterable[Condition]) -> set[Dimension]:
        return set().union(*(dimensions_of(each) or () for each in filters))

    @property
    def first_day(self) -> date:
        """The first day of all ranges."""
        return min(days.first_day for days in self.ranges)

    @property
    def end_day(self) -> date:
        """The day after the last of all ranges."""
        return max(days.end_day for days in self.ranges)

    def _count_at_most(self) -> float:
        """Return about how many events the days have, as if each file's were spread evenly."""
        total = 0.0
        for file in self.state.files:
            days = (min(self.end_day, file.end_day) - max(self.first_day, file.first_day)).days
            total += file.rows * max(0, days) / (file.end_day - file.first_day).days
        return total
