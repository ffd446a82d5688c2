"""Which visits have changed, so that readers fetch those alone and the archive misses none.

Whoever changes visits or their events notes it here, in the same transaction. Each transaction has
a revision: on SQLite, where writers come one after another, the next number; on PostgreSQL the
transaction's own id. A reader remembers the horizon of its snapshot: every change below it has been
seen, so the next time it looks from there on. On PostgreSQL transactions commit in any order, and
the horizon is the oldest that was still going on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.db.models.signals import post_delete, post_save

from sites.models import Site
from visits.models import Event, LiveVisit, Revision, RowsState, Visit

#: Ids of one statement.
CHUNK: Final = 10_000


class Change(NamedTuple):
    """A visit that a transaction begins, changes, or deletes."""

    visit_id: int
    site_id: int
    started_on: date
    is_new: bool = False


def note_changes(changes: Iterable[Change]) -> None:
    """Make the visits live, in the transaction that changes them.

    A visit that is changed and was not live is one that the archive holds.
    """
    _note(changes, is_gone=False)


def note_deletions(changes: Iterable[Change]) -> None:
    """Take the visits out, in the transaction that deletes them."""
    gone = list(changes)
    if not gone:
        return
    _note(gone, is_gone=True)
    for site_id in sorted({change.site_id for change in gone}):
        ids = [change.visit_id for change in gone if change.site_id == site_id]
        for chunk in _chunks(ids):
            LiveVisit.objects.filter(pk__in=chunk, is_gone=True, is_archived=False).delete()
        note_departure(site_id)


def forget_visits(site_id: int, visit_ids: Collection[int]) -> None:
    """Make the visits live no more: the archive holds them as they stand, from this commit on."""
    for chunk in _chunks(list(visit_ids)):
        LiveVisit.objects.filter(pk__in=chunk)._raw_delete(LiveVisit.objects.db)
    note_departure(site_id)


def note_departure(site_id: int) -> None:
    """Let readers know that visits of the site have left the live ones."""
    table, key, count = _quoted(RowsState, "site", "departures")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({key}, {count}) VALUES (%s, 1)"  # noqa: S608 -- our names
            f" ON CONFLICT ({key}) DO UPDATE SET {count} = {table}.{count} + 1",
            [site_id],
        )


def read_horizon() -> int:
    """Return the revision below which this transaction's snapshot has every change."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            return int(cursor.fetchone()[0])
    number = Revision.objects.values_list("number", flat=True).first()
    return 1 + (number or 0)


def next_revision() -> int:
    """Return the revision of this transaction."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        else:
            table, key, number = _quoted(Revision, "id", "number")
            cursor.execute(
                f"INSERT INTO {table} ({key}, {number}) VALUES (1, 1)"  # noqa: S608 -- our names
                f" ON CONFLICT ({key}) DO UPDATE SET {number} = {number} + 1 RETURNING {number}"
            )
        return int(cursor.fetchone()[0])


def follow_models() -> None:
    """Note what is changed through the models: by the admin, a shell, `visits.services`."""
    post_save.connect(_note_saved_visit, sender=Visit, dispatch_uid="note_saved_visit")
    post_delete.connect(_note_deleted_visit, sender=Visit, dispatch_uid="note_deleted_visit")
    post_save.connect(_note_saved_event, sender=Event, dispatch_uid="note_saved_event")


def _note_saved_visit(instance: Visit, *, created: bool, **_: Any) -> None:
    with transaction.atomic():
        note_changes([_change(instance, is_new=created)])


def _note_deleted_visit(instance: Visit, *, origin: Any = None, **_: Any) -> None:
    if getattr(origin, "model", type(origin)) is Site:
        return  # what was noted of the site goes with it
    with transaction.atomic():
        note_deletions([_change(instance)])


def _note_saved_event(instance: Event, **_: Any) -> None:
    with transaction.atomic():
        note_changes([_change(instance.visit)])


def _change(visit: Visit, *, is_new: bool = False) -> Change:
    return Change(visit.pk, visit.site_id, visit.started_on, is_new)


def _note(changes: Iterable[Change], *, is_gone: bool) -> None:
    changed = sorted(changes)  # in one order: two transactions never wait for each other
    if not changed:
        return
    revision = next_revision()
    table, *columns = _quoted(
        LiveVisit, "visit_id", "site", "started_on", "is_archived", "revision", "is_gone"
    )
    key, site, day, archived, number, gone = columns
    rows = [
        (
            change.visit_id,
            change.site_id,
            connection.ops.adapt_datefield_value(change.started_on),
            not change.is_new,
            revision,
            is_gone,
        )
        for change in changed
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} ({key}, {site}, {day}, {archived}, {number}, {gone})"  # noqa: S608
            f" VALUES (%s, %s, %s, %s, %s, %s)"
            f" ON CONFLICT ({key}) DO UPDATE SET {day} = excluded.{day},"
            f" {number} = excluded.{number}, {gone} = excluded.{gone}",
            rows,
        )


def _quoted(model: type[Any], *names: str) -> list[str]:
    """Return the model's table and columns, as statements name them."""
    columns = [model._meta.get_field(name).column for name in names]
    return [connection.ops.quote_name(name) for name in (model._meta.db_table, *columns)]


def _chunks(ids: list[int]) -> Iterable[list[int]]:
    return (ids[place : place + CHUNK] for place in range(0, len(ids), CHUNK))
