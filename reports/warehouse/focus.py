"""The events that a page asks about again and again, taken out of the archive once.

A page asks some fifteen questions about the same days under the same filters. Where these leave few
enough events, they are put into a table in memory first: files are read once, not fifteen times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from django.conf import settings

from archive.live import SiteState
from reports.components import Component
from reports.conditions import Parameters, write_condition
from reports.dates import DateRange
from reports.filters import Condition, dimensions_of
from reports.needs import columns_for, columns_for_all
from reports.queries import ReportQuery

#: Values of events for which a megabyte of the engine's memory is enough, a third of it left to
#: questions: thirty bytes each, texts and all.
VALUES_PER_MB: Final = 33_000
#: As many read files themselves where others are answered from daily figures.
FEW_QUESTIONS: Final = 2


@dataclass(frozen=True, slots=True)
class Focus:
    """A table of events in the engine: those of some days that meet the filters."""

    table: str
    filters: frozenset[Condition]
    columns: frozenset[str]

    def covers(self, query: ReportQuery, components: Iterable[Component]) -> bool:
        """Return whether all that the query needs of an event of these days is in the table."""
        if not self.filters <= set(query.filters):
            return False
        if any(dimensions_of(condition) is None for condition in query.filters):
            return False
        return columns_for(query, components) <= self.columns


@dataclass(slots=True)
class Expectation:
    """What a page is going to ask.

    Each question stands for all that are about its days: it has their dimensions and metrics, and
    the filters that they share.
    """

    state: SiteState
    questions: tuple[ReportQuery, ...]
    _made: dict[tuple[date, date], Focus | None] = field(default_factory=dict)
    _asked: Counter[tuple[date, date]] = field(default_factory=Counter)

    @property
    def is_filtered(self) -> bool:
        """Whether all questions have a filter: most of them need events then."""
        return bool(self.questions) and all(query.filters for query in self.questions)

    def columns_at(self, end_day: date, until: datetime | None) -> set[str]:
        """Return the columns that questions about days with this end need."""
        return columns_for_all(
            query
            for query in self.questions
            if (query.range.end_day, query.range.until) == (end_day, until)
        )

    def table_for(self, query: ReportQuery, components: Iterable[Component]) -> str | None:
        """Return a table with all that the query needs, made when it pays; None without."""
        days = _days(query.range)
        expected = [each for each in self.questions if _days(each.range) == days]
        if not expected:
            return None
        if days not in self._made:
            self._asked[days] += 1
            if not self.is_filtered and self._asked[days] <= FEW_QUESTIONS:
                return None
            self._made[days] = self._make(expected)
        focus = self._made[days]
        return focus.table if focus and focus.covers(query, components) else None

    def _make(self, questions: list[ReportQuery]) -> Focus | None:
        """Return the events of the days that meet the filters; None where they are too many."""
        first_day, end_day = _days(questions[0].range)
        shared = frozenset.intersection(*(frozenset(query.filters) for query in questions))
        filters = [each for each in shared if dimensions_of(each) is not None]
        parameters: Parameters = {"first_day": first_day, "end_day": end_day}
        conditions = ["happened_on >= $first_day", "happened_on < $end_day"]
        conditions += [write_condition(each, parameters) for each in filters]
        source = f"{self.state.events(first_day, end_day)} WHERE {' AND '.join(conditions)}"
        columns = frozenset(columns_for_all(questions))
        engine = self.state.engine
        most = settings.REPORT_MEMORY_MB * VALUES_PER_MB / len(columns)
        if self._count_at_most(first_day, end_day) > most:
            # What decides is read once more then, but not again for each question.
            counted = (
                engine.execute(f"SELECT count(*) FROM {source}", parameters) if filters else None
            )
            if counted is None or counted.fetchall()[0][0] > most:
                return None
        table = f"focus_{len(self._made)}"
        engine.execute(
            f"CREATE TEMP TABLE {table} AS SELECT {', '.join(sorted(columns))} FROM {source}",
            parameters,
        )
        return Focus(table, frozenset(filters), columns)

    def _count_at_most(self, first_day: date, end_day: date) -> float:
        """Return about how many events the days have, as if each file's were spread evenly."""
        total = 0.0
        for file in self.state.files:
            days = (min(end_day, file.end_day) - max(first_day, file.first_day)).days
            total += file.rows * max(0, days) / (file.end_day - file.first_day).days
        return total


def _days(days: DateRange) -> tuple[date, date]:
    return days.first_day, days.end_day
