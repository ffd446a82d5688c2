"""A site's spooled hits go into the archive: files first, one transaction last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Final

import duckdb
from django.db.models import Q

from archive.engine import open_engine
from archive.files import Draft, read_files, write_events, write_file
from archive.lists import ListChange
from archive.models import ArchiveFile
from imports.bounds import Bounds
from imports.joining import ID_HASH, TIMES_OF_MONTH, Joining
from imports.models import Import, ImportedSite
from imports.spool import read_spool
from visits.daily import Counts, add_to_counts
from visits.models import Event

_CHUNK: Final = 5_000
#: Counts of one statement.
_COUNTS: Final = 1_000


def store_site(record: Import, site_id: int, counts: Counts) -> ImportedSite:
    """Store the hits of a site that an import has read, and `counts` of them; return how many.

    For whoever holds `archive.folder.change_archive`. Visits stand beside those that the site has.
    Raises what `ListChange.commit` does; nothing has changed then.
    """
    change = ListChange(site_id=site_id)
    with _engine() as engine, _discarding(change):
        bounds = Bounds(engine, read_spool(record, site_id))
        joining = Joining(engine, bounds.source)
        joining.join(_known_ids(engine, joining.source, site_id))
        imported = ImportedSite(source=record, site_id=site_id, repeated=joining.repeated)
        for month in joining.months():
            source = joining.events_of(month)
            draft = write_events(engine, site_id, source, counted_in=TIMES_OF_MONTH)
            if draft is not None:
                change.added.append(draft)
            imported.visits += month.visits
            imported.events += month.events
        change.changed_days |= joining.days()
        change.added += _write_ids(engine, site_id, change.changed_days)
        left_out = joining.left_out(site_id)
        imported.left_out = left_out.total()
        change.also = partial(_note, imported, counts + left_out + bounds.counts(site_id))
    change.commit()
    return imported


def _note(imported: ImportedSite, counts: Counts) -> None:
    """Note, in the transaction in which its files begin to count, that the site is done."""
    rows = sorted(counts.items())
    for first in range(0, len(rows), _COUNTS):
        add_to_counts(dict(rows[first : first + _COUNTS]))
    imported.save(force_insert=True)


def _known_ids(engine: duckdb.DuckDBPyConnection, source: str, site_id: int) -> list[str]:
    """Return relations of the ids, by their hash, of hits that the site has: its rows', its files'.

    Of the rows only those that the import has too.
    """
    files = list(ArchiveFile.objects.for_site(site_id).ids())
    known = [read_files(files)] if files else []
    with_id = Event.objects.filter(~Q(event_id=""), site=site_id)
    if with_id.exists():
        engine.execute("CREATE TEMP TABLE stored (event_id VARCHAR)")
        for ids in _distinct_ids(engine, source):
            found = with_id.filter(event_id__in=ids).values_list("event_id", flat=True)
            engine.execute("INSERT INTO stored SELECT unnest(?)", [list(found)])
        known.append(f"(SELECT {ID_HASH} AS id FROM stored)")
    return known


def _distinct_ids(engine: duckdb.DuckDBPyConnection, source: str) -> Iterator[list[str]]:
    reader = engine.cursor()
    try:
        found = reader.execute(f"SELECT DISTINCT event_id FROM {source} WHERE event_id <> ''")
        while rows := found.fetchmany(_CHUNK):
            yield [event_id for (event_id,) in rows]
    finally:
        reader.close()


def _write_ids(engine: duckdb.DuckDBPyConnection, site_id: int, days: set[date]) -> list[Draft]:
    """Return a draft with the ids of what is stored, if there are any."""
    query = (
        "SELECT id FROM with_id SEMI JOIN (SELECT place FROM joined WHERE is_stored) USING (place)"
    )
    count = engine.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0]
    if not count:
        return []
    row = ArchiveFile(
        site_id=site_id,
        kind=ArchiveFile.Kind.IDS,
        first_day=min(days),
        last_day=max(days),
        rows=count,
    )
    return [write_file(engine, f"{query} ORDER BY id", row)]


@contextmanager
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    engine = open_engine()
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def _discarding(change: ListChange) -> Iterator[None]:
    """Delete the change's drafts when it does not come to a commit."""
    try:
        yield
    except BaseException:
        for draft in change.added:
            draft.discard()
        raise
