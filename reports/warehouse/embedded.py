"""DuckDB in this process, over the archive's files and the rows that are not in them yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Final

import duckdb

from archive.live import SiteState, process_rows
from reports.queries import ReportQuery
from reports.sql import Statement
from reports.visit_log import VisitLog
from reports.warehouse.ahead import Rows, answer_ahead, written_ahead
from reports.warehouse.bounds import Bounds
from reports.warehouse.writing import Writer
from sites.models import Site

#: Rows of a long answer that are in Python's memory at once.
_BATCH: Final = 10_000


class EmbeddedWarehouse:
    """The events of one site, all of them, as they were when it was opened.

    All that is asked of it together may take so many seconds, REPORT_SECONDS by default: a page
    with many questions no more.
    """

    def __init__(self, state: SiteState, seconds: float | None = None) -> None:
        self._bounds = Bounds(seconds)
        self._state = state
        self._writer = Writer(state, state.engine)
        self._answers: dict[ReportQuery, Rows] = {}
        #: What any connection may run.
        self._statements: dict[ReportQuery, Statement] = {}

    @property
    def kept_from(self) -> date | None:
        """The first day of which there are events; None: of every day. Before: daily figures."""
        return self._state.kept_from

    def answer_ahead(self, *questions: ReportQuery) -> None:
        """Answer these questions together, before each is asked for: all of them that a page has.

        For once. No answer depends on it. Raises ReportTooSlowError and ReportTooLargeError.
        """
        self._answers = answer_ahead(self._state, questions, self._bounds)

    def answer(self, query: ReportQuery) -> Rows:
        """Return the answer's rows: dimensions, then metrics, then how many rows there are in all.

        Raises EventsDroppedError for one that needs events which are not kept, ReportTooSlowError
        and ReportTooLargeError for one that takes more than it may.
        """
        if query in self._answers:
            return self._answers[query]
        if query in self._statements:
            return [row for rows in self.stream(query) for row in rows]
        return self.rows(self.write(query))

    @contextmanager
    def expecting(self, *questions: ReportQuery) -> Iterator[None]:
        """Read once, in the context, what several of these questions need.

        It is for once, and where `answer_ahead` is not used. Raises what that does.
        """
        with written_ahead(self._state, questions, self._bounds) as self._statements:
            try:
                yield
            finally:
                self._statements = {}

    def stream(self, query: ReportQuery) -> Iterator[Rows]:
        """Return the rows that `answer` would, some at a time: of a long answer few are in memory.

        Nothing else may be asked meanwhile. Raises what `answer` does, before the first row too.
        """
        shared = self._statements.get(query)
        statement = shared or self.write(query)
        # In the transaction of the state's own connection the shared tables are not there yet.
        engine = self._state.engine.cursor() if shared else self._state.engine
        with self._bounds.stop(engine):
            engine.execute(statement.sql, statement.parameters)
        return self._fetch(engine, closes=shared is not None)

    def _fetch(self, engine: duckdb.DuckDBPyConnection, *, closes: bool) -> Iterator[Rows]:
        try:
            while True:
                with self._bounds.stop(engine):
                    rows = engine.fetchmany(_BATCH)
                if not rows:
                    return
                yield rows
        finally:
            if closes:
                engine.close()

    def write(self, query: ReportQuery) -> Statement:
        """Return the statement that answers it at the least cost. Raises what `answer` does."""
        with self._bounds.stop(self._state.engine):
            return self._writer.write(query).statement

    def rows(self, statement: Statement) -> Rows:
        """Return the statement's rows, in its order. Raises what `answer` does."""
        with self._bounds.stop(self._state.engine):
            return self._state.engine.execute(statement.sql, statement.parameters).fetchall()

    def visits(self) -> VisitLog:
        """Return the log of the visits themselves."""
        return VisitLog(self._state, self._bounds)

    def explain(self, query: ReportQuery) -> str:
        """Return what `query` is answered from, in words, and below the engine's plan for it."""
        written = self._writer.write(query)
        statement = written.statement
        plan = self._state.engine.execute(f"EXPLAIN {statement.sql}", statement.parameters)
        lines = [str(row[-1]) for row in plan.fetchall()]
        return "\n".join([f"Answered from {' and '.join(sorted(written.sources))}.", *lines])


@contextmanager
def open_warehouse(site: Site, seconds: float | None = None) -> Iterator[EmbeddedWarehouse]:
    """Give a warehouse with every event of the site as it stands now.

    A hit that was acknowledged before is in it; what comes later is not. It is closed at the end.
    All that is asked of it may take `seconds` together, REPORT_SECONDS by default.
    """
    with process_rows().state(site.pk) as state:
        yield EmbeddedWarehouse(state, seconds)
