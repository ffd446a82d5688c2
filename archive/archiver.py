"""Finished visits go from rows into a file: written first, listed in one transaction last."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import duckdb
from django.db.models import Min

from archive.engine import open_engine, table_definition
from archive.files import read_files, write_events
from archive.lists import ListChange
from archive.models import ArchiveFile
from archive.rows import insert_visits
from archive.snapshots import one_state
from visits.models import LiveVisit, Visit

#: A visit is finished when it can take no further event of a page: after its 30 minutes, and some
#: for hits on their way. What comes later all the same makes it live again.
FINISHED_AFTER: Final = timedelta(minutes=35)
#: Visits of one file: what is held in memory, and the time for which others cannot write.
MAX_VISITS: Final = 25_000

_CHUNK: Final = 10_000


@dataclass(frozen=True, slots=True)
class Finished:
    """Visits that may be archived, each with the revision that was read."""

    #: Those that have rows.
    present: dict[int, int]
    #: Those that are deleted, and that the archive still holds.
    gone: dict[int, int]
    #: Those of both that the archive holds as they were.
    superseded: set[int]

    @property
    def revisions(self) -> dict[int, int]:
        """Every visit with its revision."""
        return self.present | self.gone


def is_worth_a_file(site_id: int, now: datetime, *, visits: int, waited: timedelta) -> bool:
    """Return whether so many visits are finished, or one has waited for so long."""
    live = LiveVisit.objects.filter(site=site_id)
    if live.filter(is_gone=True).exists():
        return True
    ids = live.values("visit_id")
    finished = Visit.objects.filter(pk__in=ids, last_event_at__lt=now - FINISHED_AFTER)
    oldest = finished.aggregate(oldest=Min("last_event_at"))["oldest"]
    return oldest is not None and (oldest <= now - waited or finished.count() >= visits)


def archive_finished(site_id: int, now: datetime, *, max_visits: int = MAX_VISITS) -> int:
    """Archive finished visits of a site, the oldest first, and return how many; 0: none is left.

    For whoever holds `archive.folder.change_archive`. Raises ListChangedError when somebody changed
    the list all the same, django.db.Error and OSError when it cannot be done now; nothing has
    changed then.
    """
    with one_state(), working_table() as engine:
        finished = _find_finished(site_id, now, max_visits)
        if not finished.revisions:
            return 0
        insert_visits(engine, "working", finished.present)
        files = list(ArchiveFile.objects.for_site(site_id).events())
        change = ListChange(site_id=site_id, archived=finished.revisions)
        change.changed_days |= days_of(engine, "working")
        replace_visits(engine, change, files, finished.superseded)
        add_events(engine, change, "working")
    change.commit()
    return len(finished.revisions)


@contextmanager
def working_table() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection to the engine with an empty table `working` of events."""
    engine = open_engine()
    try:
        engine.execute(f"CREATE TEMP TABLE working ({table_definition()})")
        yield engine
    finally:
        engine.close()


def add_events(engine: duckdb.DuckDBPyConnection, change: ListChange, source: str) -> None:
    """Add a file with the events of `source` to the change, if there are any."""
    draft = write_events(engine, change.site_id, source)
    if draft is not None:
        change.added.append(draft)


def replace_visits(
    engine: duckdb.DuckDBPyConnection,
    change: ListChange,
    files: Collection[ArchiveFile],
    visit_ids: Collection[int],
) -> None:
    """Let the change take the visits out of the files that hold them, each written anew."""
    if not visit_ids:
        return
    engine.execute("CREATE OR REPLACE TEMP TABLE leaving (visit_id BIGINT)")
    with engine.appender("leaving") as appender:
        appender.append_rows((visit_id,) for visit_id in visit_ids)
    for file in files:
        take_out(engine, change, file)


def take_out(
    engine: duckdb.DuckDBPyConnection,
    change: ListChange,
    file: ArchiveFile,
    *,
    always: bool = False,
) -> None:
    """Let the change write the file anew without the visits of the table `leaving`.

    Where it has none of them it stays, unless `always`: then it is listed anew all the same.
    """
    held = f"(SELECT * FROM {read_files([file])} SEMI JOIN leaving USING (visit_id))"
    days = days_of(engine, held)
    if not (days or always):
        return
    change.changed_days |= days
    change.removed.append(file)
    kept = f"(SELECT * FROM {read_files([file])} ANTI JOIN leaving USING (visit_id))"
    add_events(engine, change, kept)


def days_of(engine: duckdb.DuckDBPyConnection, source: str) -> set[date]:
    """Return the site's days on which the events of `source` fell."""
    return {
        day for (day,) in engine.execute(f"SELECT DISTINCT happened_on FROM {source}").fetchall()
    }


def _find_finished(site_id: int, now: datetime, most: int) -> Finished:
    live = LiveVisit.objects.filter(site=site_id)
    gone = dict(live.filter(is_gone=True).values_list("pk", "revision")[:most])
    held = set(live.filter(is_archived=True).values_list("pk", flat=True))
    waiting = dict(live.filter(is_gone=False).values_list("pk", "revision"))
    ended: list[tuple[datetime, int]] = []
    ids = sorted(waiting)
    for place in range(0, len(ids), _CHUNK):
        ended += Visit.objects.filter(
            pk__in=ids[place : place + _CHUNK], last_event_at__lt=now - FINISHED_AFTER
        ).values_list("last_event_at", "pk")
    present = {pk: waiting[pk] for _, pk in sorted(ended)[:most]}
    return Finished(present, gone, held & (present.keys() | gone.keys()))
