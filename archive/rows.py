"""Visits of the database as the rows that reports read, in the engine."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

import duckdb
from django.db import connection

from archive.columns import COLUMNS, ENGAGED_SECONDS, EVENT_COLUMNS, VISIT_COLUMNS
from visits.models import Event, Visit

#: Visits of one statement.
CHUNK: Final = 5_000
#: Rows that are fetched at a time.
_FETCH: Final = 20_000

#: Columns that only figures need.
_COUNTS: Final = {
    "last_event_at": "TIMESTAMP",
    "pageviews": "INTEGER",
    "interactive_events": "INTEGER",
}
#: What the database's driver gives in another type than reports read.
AS_STORED: Final = {"props": "VARCHAR", "interactive": "INTEGER", "revenue_amount": "VARCHAR"}
_STAGED: Final = {**EVENT_COLUMNS, **VISIT_COLUMNS, **_COUNTS} | AS_STORED

#: How each column comes from the staged ones, where it is not simply one of them.
EXPRESSIONS: Final = {
    "props": "CAST(CAST(props AS JSON) AS MAP(VARCHAR, VARCHAR))",
    "interactive": "interactive <> 0",
    "revenue_amount": "CAST(revenue_amount AS DECIMAL(19, 4))",
    "bounced": "pageviews = 1 AND interactive_events = 0",
    "engaged": f"pageviews >= 2 OR epoch_us(last_event_at) - epoch_us(started_at)"
    f" >= {ENGAGED_SECONDS * 1_000_000}",
    "duration_us": "epoch_us(last_event_at) - epoch_us(started_at)",
}


def insert_visits(
    engine: duckdb.DuckDBPyConnection, table: str, visit_ids: Collection[int]
) -> None:
    """Add every event of the visits to a table of the engine, as they stand in the database."""
    if not visit_ids:
        return
    columns = ", ".join(f"{name} {kind}" for name, kind in _STAGED.items())
    engine.execute(f"CREATE OR REPLACE TEMP TABLE staged ({columns})")
    with engine.appender("staged") as appender:
        for chunk in _chunks(sorted(visit_ids)):
            appender.append_rows(_rows(chunk))
    engine.execute(f"INSERT INTO {table} SELECT {_selection()} FROM staged")
    engine.execute("DROP TABLE staged")


def _selection() -> str:
    return ", ".join(f"{EXPRESSIONS.get(name, name)} AS {name}" for name in COLUMNS)


def _rows(visit_ids: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """Yield the events' values as the driver gives them, without the ORM's work for each.

    SQLite gives times as text in UTC, which the engine reads; PostgreSQL in UTC, with their zone.
    """
    quoted = connection.ops.quote_name
    columns = [f"e.{quoted(_column(Event, name))}" for name in EVENT_COLUMNS]
    columns += [f"v.{quoted(_column(Visit, name))}" for name in (*VISIT_COLUMNS, *_COUNTS)]
    if connection.vendor == "postgresql":
        columns = [
            f"{column}::int"
            if name == "interactive"
            else f"{column}::text"
            if name in AS_STORED
            else f"{column} AT TIME ZONE 'UTC'"
            if name.endswith("_at")
            else column
            for name, column in zip(_STAGED, columns, strict=True)
        ]
    events, visits = (quoted(model._meta.db_table) for model in (Event, Visit))
    ids = ", ".join(str(int(visit_id)) for visit_id in visit_ids)
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(columns)} FROM {visits} v JOIN {events} e ON e.visit_id = v.id"
            f" WHERE v.id IN ({ids})",
        )
        while rows := cursor.fetchmany(_FETCH):
            yield from rows


def _column(model: type[Any], name: str) -> str:
    # `site_id` and `visit_id` are columns already; all others have their field's name.
    return str(model._meta.get_field(name.removesuffix("_id")).column)


def _chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[place : place + CHUNK] for place in range(0, len(ids), CHUNK))
