"""Rows of visits and events, read and written past the ORM's objects, some ten times as fast."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from itertools import chain
from typing import Any, Final

from django.db import connection, models, transaction

from visits.models import VISIT_FACTS, Event, Visit

Row = tuple[Any, ...]

#: The fields of a visit that its events change, in the order of GrowingVisit.
GROWING_FIELDS: Final = (
    "latest_visitor",
    "started_at",
    "started_on",
    "last_event_at",
    "pageviews",
    "interactive_events",
    "entry_page",
    "entry_page_at",
    "exit_page",
    "exit_page_at",
)
#: Those of them that nearly every event changes; the rest is of how the visit began.
ENDING_FIELDS: Final = (
    "last_event_at",
    "pageviews",
    "interactive_events",
    "exit_page",
    "exit_page_at",
)
#: Those that its first event decides.
DECIDED_FIELDS: Final = ("visitor", "hostname", "address", *VISIT_FACTS)
VISIT_FIELDS: Final = ("id", "site", *GROWING_FIELDS, *DECIDED_FIELDS)
EVENT_FIELDS: Final = (
    "site",
    "visit",
    "name",
    "happened_at",
    "happened_on",
    "hostname",
    "page",
    "title",
    "interactive",
    "props",
    "revenue_amount",
    "revenue_currency",
    "engagement_ms",
    "scroll_depth",
    "event_id",
)


class Adapter:
    """Turns values into the very form in which the ORM stores them on this connection."""

    def __init__(self) -> None:
        operations = connection.ops
        self.time: Callable[[datetime | None], Any] = operations.adapt_datetimefield_value
        self.day: Callable[[date | None], Any] = operations.adapt_datefield_value
        self._address = operations.adapt_ipaddressfield_value
        self._props = Event._meta.get_field("props")
        self._amount = Event._meta.get_field("revenue_amount")
        self._no_props = self._props.get_db_prep_save({}, connection)
        if connection.vendor == "sqlite":
            self.time, self.day = _time_as_text, _day_as_text

    def props(self, props: Mapping[str, str]) -> Any:
        """Return an event's properties."""
        if not props:
            return self._no_props
        return self._props.get_db_prep_save(dict(props), connection)

    def amount(self, amount: Decimal | None) -> Any:
        """Return an amount of revenue."""
        return None if amount is None else self._amount.get_db_prep_save(amount, connection)

    def address(self, address: str | None) -> Any:
        """Return an address that is kept."""
        return self._address(address) if address else None


# An event's time is that of its visit, too, in several places.
@lru_cache(maxsize=1_000)
def _time_as_text(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(" ")[:-6]


def _day_as_text(day: date | None) -> str | None:
    return None if day is None else str(day)


def read_visits(
    names: Sequence[str], keys: Collection[tuple[int, int]], *, since: datetime, until: datetime
) -> list[Row]:
    """Return the fields `names` of visits by site and latest visitor, in no order.

    Those of them that went on until `since` at least, and began at `until` at the latest. Times are
    aware, in UTC. SQLite has them as text, which is read here: the ORM's way, and that of Python's
    driver, take fifty times as long.
    """
    columns = _columns(Visit, names)
    times = [place for place, name in enumerate(names) if name.endswith("_at")]
    if as_text := connection.vendor == "sqlite":
        for place in times:
            columns[place] = f"CAST({columns[place]} AS text) || '+00:00'"
    to = Adapter()
    rows = _read_wanted(
        Visit,
        columns,
        keys,
        "latest_visitor = wanted_value AND last_event_at >= %s AND started_at <= %s",
        [to.time(since), to.time(until)],
    )
    if not as_text:
        return rows
    return [_with_times(row, times) for row in rows]


def _with_times(row: Row, places: Sequence[int]) -> Row:
    """Return the row with times in place of their text."""
    values = list(row)
    for place in places:
        if text := values[place]:
            values[place] = datetime.fromisoformat(text)
    return tuple(values)


def read_event_ids(keys: Collection[tuple[int, str]]) -> list[Row]:
    """Return those of the pairs of site and event id that are stored, in no order.

    SQLite uses the index of event ids only where its very condition is in the statement; without
    it the events of the whole site are read.
    """
    names = _columns(Event, ("site", "event_id"))
    return _read_wanted(
        Event, names, keys, "event_id = wanted_value AND NOT (event_id = '')", parameters=[]
    )


def _read_wanted(
    model: type[models.Model],
    columns: Sequence[str],
    keys: Collection[tuple[int, int | str]],
    condition: str,
    parameters: Sequence[Any],
) -> list[Row]:
    """Return columns of the rows by site and a wanted value, with one statement; none for no keys.

    As pairs, and not as sites and values: of many sites each value is looked for in its own alone.
    SQLite takes the tables of a CROSS JOIN in this order, so that it always looks each pair up.
    """
    if not keys:
        return []
    table = connection.ops.quote_name(model._meta.db_table)
    places = ", ".join(["(%s, %s)"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH wanted (wanted_site, wanted_value) AS (VALUES {places}) "  # noqa: S608 -- our names
            f"SELECT {', '.join(columns)} FROM wanted CROSS JOIN {table} "
            f"WHERE site_id = wanted_site AND {condition}",
            [*chain.from_iterable(keys), *parameters],
        )
        rows: list[Row] = cursor.fetchall()
    return rows


def reserve_visit_ids(count: int) -> Sequence[int]:
    """Return `count` ids that nobody else gets, so that events can name their visits."""
    if count == 0:
        return []
    table = Visit._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [table, count],
            )
            return [pk for (pk,) in cursor.fetchall()]
        # AUTOINCREMENT goes on from here, as it does after rows with ids of their own.
        cursor.execute("UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s", [count, table])
        if cursor.rowcount == 0:
            cursor.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, count]
            )
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        (last,) = cursor.fetchone()
    return range(last - count + 1, last + 1)


def insert_rows(model: type[models.Model], names: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows whose values, in the form of the database, are those of the fields `names`."""
    if not rows:
        return
    columns = ", ".join(_columns(model, names))
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            statement = f"COPY {table} ({columns}) FROM STDIN"
            # Django does not turn the errors of a copy into its own by itself.
            with connection.wrap_database_errors, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(names))
            cursor.executemany(
                f"INSERT INTO {table} ({columns}) VALUES ({places})",  # noqa: S608 -- our names
                rows,
            )


def update_rows(model: type[models.Model], names: Sequence[str], rows: Sequence[Row]) -> None:
    """Set the fields `names` of the rows whose id is the last value of each row given."""
    if not rows:
        return
    sets = ", ".join(f"{column} = %s" for column in _columns(model, names))
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET {sets} WHERE id = %s", rows)  # noqa: S608


def _columns(model: type[models.Model], names: Sequence[str]) -> list[str]:
    columns = _columns_by_name(model)
    return [connection.ops.quote_name(columns[name]) for name in names]


@cache
def _columns_by_name(model: type[models.Model]) -> dict[str, str]:
    return {field.name: field.column or "" for field in model._meta.concrete_fields}
