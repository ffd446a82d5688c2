"""DuckDB in this process, over the archive's files and the rows that are not in them yet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from time import monotonic
from typing import Any

import duckdb
from django.conf import settings

from archive.live import SiteState, process_rows
from reports.components import Component
from reports.conditions import Parameters
from reports.dates import DateRange
from reports.exceptions import EventsDroppedError, ReportTooLargeError, ReportTooSlowError
from reports.filters import dimensions_of
from reports.queries import ReportQuery
from reports.sql import Statement, count_events, finish, write_components
from reports.warehouse.daily import DailyFigures, first_day_of
from reports.warehouse.focus import Expectation
from sites.models import Site


class EmbeddedWarehouse:
    """The events of one site, all of them, as they were when it was opened.

    All that is asked of it together may take REPORT_SECONDS: a page with many questions no more.
    """

    def __init__(self, state: SiteState) -> None:
        self._ends_at = monotonic() + settings.REPORT_SECONDS
        self._state = state
        self._daily = DailyFigures(state)
        self._expected: Expectation | None = None

    def expect(self, *questions: ReportQuery) -> None:
        """Say what is going to be asked, so that questions can share their work.

        Each question stands for all that are about its days, as Expectation says. Answers do not
        depend on it.
        """
        self._expected = self._daily.expected = Expectation(self._state, questions)

    @property
    def kept_from(self) -> date | None:
        """The first day of which there are events; None: of every day. Before: daily figures."""
        return self._state.kept_from

    def write(self, query: ReportQuery) -> Statement:
        """Return the statement that answers `query` at the least cost.

        Raises EventsDroppedError for one that needs events which are not kept.
        """
        with self._bounded():
            return self._write(query, set())

    def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        """Return the statement's rows, in its order.

        Raises ReportTooSlowError and ReportTooLargeError for one that takes more than it may.
        """
        with self._bounded():
            return self._state.engine.execute(statement.sql, statement.parameters).fetchall()

    def explain(self, query: ReportQuery) -> str:
        """Return what `query` is answered from, in words, and below the engine's plan for it."""
        sources: set[str] = set()
        statement = self._write(query, sources)
        plan = self._state.engine.execute(f"EXPLAIN {statement.sql}", statement.parameters)
        lines = [str(row[-1]) for row in plan.fetchall()]
        return "\n".join([f"Answered from {' and '.join(sorted(sources))}.", *lines])

    def _write(self, query: ReportQuery, sources: set[str]) -> Statement:
        def count(part: ReportQuery, components: list[Component], parameters: Parameters) -> str:
            if any(dimensions_of(condition) is None for condition in part.filters):
                self._show_all_events()
            table = None
            expected = self._expected
            # Under a filter most of a page's questions need events: then all of them may.
            if expected and expected.is_filtered and self._has_events_of(part.range):
                table = expected.table_for(part, components)
            if table is None:
                daily = self._daily.count(part, components, parameters)
                if daily is not None:
                    sources.add("daily figures")
                    return daily
            sources.add("events")
            table = table or self._table_for(part, components)
            return count_events(part, components, parameters, table)

        parameters: Parameters = {}
        return finish(query, write_components(query, parameters, count), parameters)

    def _table_for(self, query: ReportQuery, components: list[Component]) -> str:
        """Return the events that the query needs, of which there may be more.

        Raises EventsDroppedError where some of them are not kept.
        """
        days = query.range
        if not self._has_events_of(days):
            assert self.kept_from is not None  # noqa: S101 -- else there are all
            raise EventsDroppedError(self.kept_from)
        table = self._expected and self._expected.table_for(query, components)
        return table or f"{self._state.events(days.first_day, days.end_day)} AS events"

    def _show_all_events(self) -> None:
        """Make the table that conditions name which ask about further events of a visitor."""
        self._state.engine.execute(
            f"CREATE TEMP VIEW IF NOT EXISTS events AS SELECT * FROM {self._state.events()}"
        )

    def _has_events_of(self, days: DateRange) -> bool:
        """Whether the range has no day whose events are not kept."""
        kept_from, first_day = self.kept_from, first_day_of(self._state)
        if kept_from is None or first_day is None:
            return True
        return days.first_day >= kept_from or days.end_day <= first_day

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Stop what runs in the context when its time is over; run nothing when it is already."""
        left_seconds = self._ends_at - monotonic()
        if left_seconds <= 0:
            raise ReportTooSlowError(settings.REPORT_SECONDS)
        timer = threading.Timer(left_seconds, self._state.engine.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except duckdb.InterruptException:
            raise ReportTooSlowError(settings.REPORT_SECONDS) from None
        except duckdb.OutOfMemoryException:
            raise ReportTooLargeError(settings.REPORT_MEMORY_MB) from None
        finally:
            timer.cancel()


@contextmanager
def open_warehouse(site: Site) -> Iterator[EmbeddedWarehouse]:
    """Give a warehouse with every event of the site as it stands now.

    A hit that was acknowledged before is in it; what comes later is not. It is closed at the end.
    """
    with process_rows().state(site.pk) as state:
        # Whatever is asked says how its rows are ordered. So its threads share a table's parts.
        state.engine.execute("SET SESSION preserve_insertion_order = false")
        yield EmbeddedWarehouse(state)
