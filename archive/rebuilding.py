"""Files of the archive made anew from the rows, where they are not what they should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import duckdb
from django.db.models import Exists, OuterRef

from archive.archiver import add_events, days_of, take_out
from archive.files import read_files
from archive.lists import ListChange
from archive.rows import insert_visits
from archive.snapshots import one_state
from archive.upkeep import do_further_work
from archive.verification import BATCH_VISITS, Fault, Findings, examination, wrong_figures
from sites.models import Site
from visits.changes import forget_visits
from visits.models import LiveVisit, Visit

#: Faults of visits that are written from their rows, in place of whatever files say of them.
_FROM_ROWS: Final = (Fault.UNHELD, Fault.DIFFERING, Fault.DOUBLED)

_CHUNK: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was made anew of one site."""

    #: Files that left the list: damaged, or with something wrong in them.
    files: int = 0
    #: Visits that files now have from their rows.
    visits: int = 0


class EventsLostError(Exception):
    """Damaged files had events that are in no rows any more; nothing was changed."""


def rebuild(site: Site, now: datetime, *, accept_loss: bool = False) -> Rebuilt:
    """Let the site's files be what the rows make, and whole files where rows were pruned.

    Files in which nothing is wrong stay; the same events make the same file. A live visit without
    rows is again what the files have of it. For whoever holds
    `archive.folder.change_archive`. Raises EventsLostError, unless `accept_loss`, where damaged
    files had events that nothing else has; else what `ListChange.commit` does. Events have not
    changed then.
    """
    change = ListChange(site_id=site.pk)
    try:
        with examination(site) as (engine, found):
            engine.execute("CREATE TEMP TABLE written (visit_id BIGINT)")
            restored = sum(_write_from_rows(engine, change, ids) for ids in _faulty(engine, site))
            if not accept_loss:
                _refuse_loss(engine, found, restored)
            _take_out(engine, change, found)
            change.also = partial(forget_visits, site.pk, _with_fault(engine, Fault.ROWLESS))
            rebuilt = Rebuilt(len(change.removed), _count(engine, "written"))
    except BaseException:
        change.discard()
        raise
    if found.faults or found.damaged or found.mislisted:
        change.commit()
    return Rebuilt(rebuilt.files + _make_figures(site, now), rebuilt.visits)


def _faulty(engine: duckdb.DuckDBPyConnection, site: Site) -> Iterator[list[int]]:
    """Yield the visits that are to be written from their rows, some at a time, in one state each.

    Those that are live, or have no rows, are not among them.
    """
    names = ", ".join(f"'{fault.name}'" for fault in _FROM_ROWS)
    live = LiveVisit.objects.filter(pk=OuterRef("pk"))
    archived = Visit.objects.filter(~Exists(live), site=site).order_by("pk")
    last = -1
    while rows := engine.execute(
        f"SELECT DISTINCT visit_id FROM faults WHERE fault IN ({names}) AND visit_id > ?"
        " ORDER BY visit_id LIMIT ?",
        [last, BATCH_VISITS],
    ).fetchall():
        ids = [pk for (pk,) in rows]
        with one_state():
            chunks = (ids[place : place + _CHUNK] for place in range(0, len(ids), _CHUNK))
            yield [
                pk
                for chunk in chunks
                for pk in archived.filter(pk__in=chunk).values_list("pk", flat=True)
            ]
        last = ids[-1]


def _write_from_rows(
    engine: duckdb.DuckDBPyConnection, change: ListChange, visit_ids: list[int]
) -> int:
    """Add a file of the visits to the change; return how many events of them no file had."""
    engine.execute("DELETE FROM stated")
    insert_visits(engine, "stated", visit_ids)
    with engine.appender("written") as appender:
        appender.append_rows((visit_id,) for visit_id in visit_ids)
    change.changed_days |= days_of(engine, "stated")
    add_events(engine, change, "stated")
    return _count(engine, "stated ANTI JOIN held USING (visit_id)")


def _refuse_loss(engine: duckdb.DuckDBPyConnection, found: Findings, restored: int) -> None:
    listed = sum(file.rows for file, _ in found.damaged)
    if restored >= listed:
        return
    days = [day for file, _ in found.damaged for day in (file.first_day, file.last_day)]
    known = LiveVisit.objects.filter(site=found.site, is_archived=True).count()
    raise EventsLostError(
        f"{listed - restored:,} of {listed:,} events that damaged files had between {min(days)} and"
        f" {max(days)} are in no rows any more"
        + (f", but for some of {known:,} visits that have changed since." if known else ".")
    )


def _take_out(engine: duckdb.DuckDBPyConnection, change: ListChange, found: Findings) -> None:
    """Let the change write files without the visits that do not belong there, or not any more."""
    for file, _ in found.damaged:
        change.removed.append(file)
        change.changed_days |= file.days
    mislisted = [file for file, _ in found.mislisted]
    for file in found.files:
        # Of copies that no rows tell apart the newest file's is kept.
        engine.execute(
            "CREATE OR REPLACE TEMP TABLE leaving AS"
            " SELECT visit_id FROM written UNION"
            f" SELECT visit_id FROM faults WHERE fault = '{Fault.COUNTED_TWICE.name}' UNION"
            " SELECT visit_id FROM held SEMI JOIN"
            f" (FROM faults WHERE fault = '{Fault.DOUBLED.name}') AS doubled USING (visit_id)"
            f" GROUP BY visit_id HAVING max(file) <> {file.pk:d}"
        )
        if file in mislisted:
            change.changed_days |= file.days | days_of(engine, read_files([file]))
        take_out(engine, change, file, always=file in mislisted)


def _with_fault(engine: duckdb.DuckDBPyConnection, fault: Fault) -> list[int]:
    rows = engine.execute("SELECT visit_id FROM faults WHERE fault = ?", [fault.name]).fetchall()
    return [pk for (pk,) in rows]


def _make_figures(site: Site, now: datetime) -> int:
    """Make daily figures that are wrong or were dropped anew; return how many files were wrong."""
    wrong = [file for file, _ in wrong_figures(site)]
    if wrong:
        ListChange(site_id=site.pk, removed=wrong).commit()
    do_further_work(site, now)
    return len(wrong)


def _count(engine: duckdb.DuckDBPyConnection, source: str) -> int:
    return int(engine.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0])
