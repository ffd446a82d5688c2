"""Erasing from the archive's files of events: each that holds some of it is written anew."""

from __future__ import annotations

from typing import Final

import duckdb

from archive.archiver import add_events, days_of, working_table
from archive.columns import COLUMNS, FIGURE_COLUMNS
from archive.engine import quote
from archive.erasure.conditions import TAKES_EVENTS, write_condition
from archive.files import read_files
from archive.lists import ListChange
from archive.models import ArchiveFile, Erasure
from archive.rows import EXPRESSIONS
from visits.recounting import VISITOR_IDS

#: What a visit is by its events alone. Of pageviews at the same instant the one comes first, or
#: last, that did before.
_RECOUNTED: Final = """
    visit_id,
    min(happened_at) AS started_at,
    first(happened_on ORDER BY happened_at) AS started_on,
    max(happened_at) AS last_event_at,
    count(*) FILTER (name = 'pageview') AS pageviews,
    count(*) FILTER (interactive AND name NOT IN ('pageview', 'engagement')) AS interactive_events,
    coalesce(first(page ORDER BY happened_at, page <> entry_page, page)
        FILTER (name = 'pageview'), '') AS entry_page,
    coalesce(last(page ORDER BY happened_at, page = exit_page, page)
        FILTER (name = 'pageview'), '') AS exit_page,
    any_value(started_on) AS began_on"""
_OF_VISIT: Final = ("started_at", "started_on", "entry_page", "exit_page")
#: As `visits.recounting.move_visitor` has it.
_VISITOR: Final = (
    "CASE WHEN visitor < 0 THEN visitor ELSE"
    f" ((visitor::HUGEINT + date_diff('day', began_on, started_on)) % {VISITOR_IDS})::BIGINT END"
)


def erase_files(erasure: Erasure) -> None:
    """Erase from the files what the erasure names, file by file.

    The figures of the days that their visits had are dropped, and made anew by the next upkeep.
    """
    for file in ArchiveFile.objects.for_site(erasure.site_id).events().order_by("pk"):
        with working_table() as engine:
            if mark_visits(engine, file, erasure):
                _erase_from(engine, file, erasure)


def mark_visits(engine: duckdb.DuckDBPyConnection, file: ArchiveFile, erasure: Erasure) -> int:
    """Put visits of the file that have some of it in a table `touched`; return how many."""
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE touched AS"
        f" SELECT DISTINCT visit_id FROM {read_files([file])} WHERE {write_condition(erasure)}"
    )
    return int(engine.execute("SELECT count(*) FROM touched").fetchall()[0][0])


def _erase_from(engine: duckdb.DuckDBPyConnection, file: ArchiveFile, erasure: Erasure) -> None:
    change = ListChange(site_id=erasure.site_id, removed=[file])
    events = read_files([file])
    touched = f"(SELECT * FROM {events} SEMI JOIN touched USING (visit_id))"
    if erasure.kind in TAKES_EVENTS:
        change.changed_days = days_of(engine, touched)
        changed = _write_remaining(touched, write_condition(erasure))
    else:
        changed = _write_without_property(touched, erasure)
    columns = ", ".join(COLUMNS)
    kept = f"SELECT {columns} FROM {events} ANTI JOIN touched USING (visit_id)"
    add_events(engine, change, f"({kept} UNION ALL {changed})")
    change.commit()


def _write_remaining(events: str, condition: str) -> str:
    """The events that stay, with the figures that their visits have of them."""
    columns = ", ".join(
        f"{EXPRESSIONS[name]} AS {name}"
        if name in FIGURE_COLUMNS
        else f"{_VISITOR} AS visitor"
        if name == "visitor"
        else name
        for name in COLUMNS
    )
    return (
        f"SELECT {columns} FROM"
        f" (SELECT * EXCLUDE ({', '.join((*_OF_VISIT, *FIGURE_COLUMNS))}) FROM {events}"
        f" WHERE NOT {condition})"
        f" JOIN (SELECT {_RECOUNTED} FROM {events} WHERE NOT {condition} GROUP BY visit_id)"
        " USING (visit_id)"
    )


def _write_without_property(events: str, erasure: Erasure) -> str:
    others = f"list_filter(map_entries(props), lambda entry: entry.key <> {quote(erasure.name)})"
    props = (
        f"CASE WHEN {write_condition(erasure)} THEN map_from_entries({others}) ELSE props END"
        " AS props"
    )
    columns = ", ".join(props if name == "props" else name for name in COLUMNS)
    return f"SELECT {columns} FROM {events}"
