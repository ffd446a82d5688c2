"""All questions of a page answered together, by several connections at once.

Most of a question's few milliseconds go into its plan, which one thread makes: two connections
answer twice as many. They share the tables that were made for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from queue import SimpleQueue
from typing import Any

import duckdb
from django.conf import settings

from archive.live import SiteState
from reports.exceptions import EventsDroppedError
from reports.queries import ReportQuery
from reports.sql import Statement
from reports.warehouse.bounds import Bounds
from reports.warehouse.writing import Writer

Rows = list[tuple[Any, ...]]


def answer_ahead(
    state: SiteState, questions: Iterable[ReportQuery], bounds: Bounds
) -> dict[ReportQuery, Rows]:
    """Return the answers to the questions.

    Left out is what needs events that are not kept, and what is asked of live rows themselves,
    which are for `state.engine` alone. `state.maker` is of use no more. Raises what `bounds` do.
    """
    with written_ahead(state, questions, bounds) as statements:
        return _run(statements, state, bounds)


@contextmanager
def written_ahead(
    state: SiteState, questions: Iterable[ReportQuery], bounds: Bounds
) -> Iterator[dict[ReportQuery, Statement]]:
    """Give the statements that answer the questions, to be run by any connection in the context.

    What is left out, and raised, is as above.
    """
    questions = list(dict.fromkeys(questions))
    writer = Writer(state, state.maker, questions)
    with bounds.stop(state.maker):
        statements = _write_shared(writer, questions)
        state.maker.execute("COMMIT")
    try:
        yield statements
    finally:
        writer.tables.drop()


def _write_shared(writer: Writer, questions: Iterable[ReportQuery]) -> dict[ReportQuery, Statement]:
    statements = {}
    for question in questions:
        try:
            written = writer.write(question)
        except EventsDroppedError:
            continue
        if written.is_shared:
            statements[question] = written.statement
    return statements


def _run(
    statements: dict[ReportQuery, Statement], state: SiteState, bounds: Bounds
) -> dict[ReportQuery, Rows]:
    with ExitStack() as stack:
        hands = [
            stack.enter_context(closing(state.engine.cursor()))
            for _ in range(settings.REPORT_THREADS)
        ]
        free: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()
        for hand in hands:
            free.put(hand)

        def run(statement: Statement) -> Rows:
            hand = free.get()
            try:
                bounds.check()
                return hand.execute(statement.sql, statement.parameters).fetchall()
            finally:
                free.put(hand)

        stack.enter_context(bounds.stop(*hands))
        # Left last, so that nobody closes what a thread is using.
        pool = stack.enter_context(ThreadPoolExecutor(len(hands)))
        return dict(zip(statements, pool.map(run, statements.values()), strict=True))
