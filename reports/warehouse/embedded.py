"""DuckDB in this process, over the archive's files and the rows that are not in them yet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import duckdb
from django.conf import settings

from archive.live import SiteState, process_rows
from reports.components import Component
from reports.conditions import Parameters
from reports.dates import DateRange
from reports.exceptions import EventsDroppedError, ReportTooLargeError, ReportTooSlowError
from reports.queries import ReportQuery
from reports.sql import Statement, count_events, finish, write_components
from reports.warehouse.daily import DailyFigures, first_day_of
from sites.models import Site


class EmbeddedWarehouse:
    """The events of one site, all of them, as they were when it was opened."""

    def __init__(self, state: SiteState) -> None:
        self._state = state
        self._daily = DailyFigures(state)

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
            daily = self._daily.count(part, components, parameters)
            if daily is None:
                self._refuse_dropped(part.range)
            sources.add("events" if daily is None else "daily figures")
            return daily or count_events(part, components, parameters)

        parameters: Parameters = {}
        return finish(query, write_components(query, parameters, count), parameters)

    def _refuse_dropped(self, days: DateRange) -> None:
        """Raise EventsDroppedError where a range has days whose events are not kept."""
        kept_from, first_day = self.kept_from, first_day_of(self._state)
        if kept_from is None or first_day is None:
            return
        if days.first_day < kept_from and days.end_day > first_day:
            raise EventsDroppedError(kept_from)

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Stop what runs in the context when its time is over."""
        timer = threading.Timer(settings.REPORT_SECONDS, self._state.engine.interrupt)
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
        state.engine.execute(f"CREATE TEMP VIEW events AS SELECT * FROM {state.events()}")
        yield EmbeddedWarehouse(state)
