"""DuckDB in this process, over the live rows of a site, loaded from the database for one report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import duckdb
from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from archive.columns import COLUMNS, ENGAGED_SECONDS, EVENT_COLUMNS, VISIT_COLUMNS
from reports.dates import DAY, DateRange
from reports.sql import Statement
from sites.models import Site
from visits.models import Event, Visit

#: Rows that are fetched from the database at a time.
_CHUNK: Final = 20_000

#: What is loaded of an event: properties as the text of an object.
_LIVE_EVENT: Final = {**EVENT_COLUMNS, "props": "VARCHAR"}
#: What is loaded of a visit, beside its own columns what its figures are made of.
_LIVE_VISIT: Final = {
    "id": "BIGINT",
    "last_event_at": "TIMESTAMP",
    "pageviews": "INTEGER",
    "interactive_events": "INTEGER",
    **VISIT_COLUMNS,
}
_DURATION_US: Final = "epoch_us(last_event_at) - epoch_us(started_at)"
#: Columns of the one table that are not loaded as they are.
_MADE: Final = {
    "props": "CAST(CAST(props AS JSON) AS MAP(VARCHAR, VARCHAR))",
    "bounced": "pageviews = 1 AND interactive_events = 0",
    "engaged": f"pageviews >= 2 OR {_DURATION_US} >= {ENGAGED_SECONDS * 1_000_000}",
    "duration_us": _DURATION_US,
}
_SELECTED: Final = ", ".join(f"{_MADE.get(name, name)} AS {name}" for name in COLUMNS)
_MAKE_EVENTS: Final = f"""
    CREATE TABLE events AS SELECT {_SELECTED}
    FROM live_events JOIN live_visits ON visit_id = id
"""


class EmbeddedWarehouse:
    """The events of one site on some days, in memory."""

    def __init__(self, engine: duckdb.DuckDBPyConnection) -> None:
        self._engine = engine

    def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        """Return the statement's rows, in its order."""
        return self._engine.execute(statement.sql, statement.parameters).fetchall()


@contextmanager
def open_warehouse(site: Site, *ranges: DateRange) -> Iterator[EmbeddedWarehouse]:
    """Give a warehouse with what the ranges need, as it stands in the database now.

    A hit that was acknowledged before is in it. It is closed, and its memory freed, at the end.
    """
    first_day = min(days.first_day for days in ranges)
    end_day = max(days.end_day for days in ranges)
    # An event's day is the one it had when it was stored, whatever the site's zone is now; two days
    # more on either side hold its visit in any case.
    events = Event.objects.for_site(site).filter(
        happened_on__gte=first_day, happened_on__lt=end_day
    )
    visits = Visit.objects.for_site(site).filter(
        last_event_at__gte=min(days.starts_at for days in ranges) - 2 * DAY,
        started_at__lt=max(days.ends_at for days in ranges) + 2 * DAY,
    )
    engine = duckdb.connect(":memory:", config=_config())
    try:
        engine.execute("SET TimeZone = 'UTC'")
        # Events first: every event read then finds its visit, also one that is stored meanwhile.
        _load(engine, "live_events", _LIVE_EVENT, events)
        _load(engine, "live_visits", _LIVE_VISIT, visits)
        engine.execute(_MAKE_EVENTS)
        yield EmbeddedWarehouse(engine)
    finally:
        engine.close()


def _config() -> dict[str, Any]:
    """Bound what a report may use; the engine needs no file and no network."""
    return {
        "memory_limit": f"{settings.REPORT_MEMORY_MB}MB",
        "threads": settings.REPORT_THREADS,
        "enable_external_access": False,
    }


def _load(
    engine: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], rows: QuerySet[Any]
) -> None:
    definition = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    engine.execute(f"CREATE TABLE {table} ({definition})")
    with engine.appender(table) as appender:
        appender.append_rows(_stored_values(rows, list(columns)))


def _stored_values(rows: QuerySet[Any], columns: list[str]) -> Iterable[tuple[Any, ...]]:
    """Yield the columns as the database driver gives them, without the ORM's work for each value.

    SQLite gives times as text in UTC, which the engine reads; PostgreSQL gives them with their
    zone, UTC.
    """
    sql, parameters = rows.order_by().values_list(*columns).query.sql_with_params()
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, parameters)
        while chunk := cursor.fetchmany(_CHUNK):
            yield from chunk
