"""How a question is answered at the least cost: from which figures, files and tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from archive.live import SiteState
from reports.components import Component
from reports.conditions import Parameters
from reports.dates import DateRange
from reports.exceptions import EventsDroppedError
from reports.filters import dimensions_of
from reports.queries import ReportQuery
from reports.sql import Statement, count_events, finish, write_components
from reports.warehouse.daily import DailyFigures, first_day_of
from reports.warehouse.expectation import Expectation
from reports.warehouse.focus import Focus
from reports.warehouse.tables import MadeTables


@dataclass(frozen=True, slots=True)
class Written:
    """A statement, what it reads in words, and whether that is the same for every connection.

    It is where nothing live is read but what was put into tables for it.
    """

    statement: Statement
    sources: frozenset[str]
    is_shared: bool


class Writer:
    """Writes statements for a connection on which it makes the tables that they share.

    `questions` are going to be written, all of them. Where they are none, no table is made for
    several of them.
    """

    def __init__(
        self,
        state: SiteState,
        engine: duckdb.DuckDBPyConnection,
        questions: Iterable[ReportQuery] = (),
    ) -> None:
        self.tables = MadeTables(engine)
        self._state = state
        self._daily = DailyFigures(state, self.tables)
        self._expected = Expectation(state, self.tables, questions, self._daily.can_count)
        self._daily.expected = self._expected

    def write(self, query: ReportQuery) -> Written:
        """Return the statement that answers `query` at the least cost.

        Raises EventsDroppedError for one that needs events which are not kept.
        """
        sources: set[str] = set()
        is_shared = True

        def count(part: ReportQuery, components: list[Component], parameters: Parameters) -> str:
            nonlocal is_shared
            if narrowed := self._narrow(part, components):
                part, focus = narrowed
                table, is_made = focus.source, focus.is_made
            elif daily := self._daily.count(part, components, parameters):
                sources.add("daily figures")
                return daily
            else:
                table, is_made = self._all_events(part), False
            sources.add("events")
            is_shared &= is_made or self._is_same_everywhere(part)
            return count_events(part, components, parameters, table, is_in_memory=is_made)

        parameters: Parameters = {}
        statement = finish(query, write_components(query, parameters, count), parameters)
        return Written(statement, frozenset(sources), is_shared)

    def _narrow(
        self, query: ReportQuery, components: list[Component]
    ) -> tuple[ReportQuery, Focus] | None:
        if not self._has_events_of(query.range):
            return None
        return self._expected.narrow(query, components)

    def _all_events(self, query: ReportQuery) -> str:
        """Return the events of the query's days, of which there may be more.

        Raises EventsDroppedError where some of them are not kept.
        """
        days = query.range
        if not self._has_events_of(days):
            assert self._state.kept_from is not None  # noqa: S101 -- else there are all
            raise EventsDroppedError(self._state.kept_from)
        if _asks_further(query):
            # The table that conditions name.
            everything = f"SELECT * FROM {self._state.events()}"
            self.tables.engine.execute(f"CREATE TEMP VIEW IF NOT EXISTS events AS {everything}")
        return f"{self._state.events(days.first_day, days.end_day)} AS events"

    def _is_same_everywhere(self, query: ReportQuery) -> bool:
        """Whether all the events that the query needs are in files, as they are."""
        days, state = query.range, self._state
        has_live = state.has_live(days.first_day, days.end_day)
        return not has_live and not state.superseded and not _asks_further(query)

    def _has_events_of(self, days: DateRange) -> bool:
        """Whether the range has no day whose events are not kept."""
        kept_from, first_day = self._state.kept_from, first_day_of(self._state)
        if kept_from is None or first_day is None:
            return True
        return days.first_day >= kept_from or days.end_day <= first_day


def _asks_further(query: ReportQuery) -> bool:
    """Whether a condition asks about events of a visitor that are none of the query's."""
    return any(dimensions_of(condition) is None for condition in query.filters)
