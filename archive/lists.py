"""A change of what counts: files in, files out, visits no longer live, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from time import monotonic
from typing import Final

from django.db import connection, transaction

from archive.engine import open_engine
from archive.files import Draft, keep_for_readers, read_files, write_figures
from archive.models import DAY, ArchiveFile, events_kept_from
from visits.changes import forget_visits, next_revision
from visits.models import LiveVisit
from visits.turns import checkpoint, turn_to_write

#: How long a change waits for other writers.
BUSY_SECONDS: Final = 600.0
_CHUNK: Final = 10_000


class ListChangedError(Exception):
    """The list is not what the change was made for; nothing was changed."""


def _nothing_else() -> None:
    """Change nothing else."""


@dataclass(slots=True, kw_only=True)
class ListChange:
    """What becomes of a site's list of files."""

    site_id: int
    added: list[Draft] = field(default_factory=list)
    removed: list[ArchiveFile] = field(default_factory=list)
    #: Days whose events are others than before: their daily figures no longer count.
    changed_days: set[date] = field(default_factory=set)
    #: Visits that the added files hold, or that are gone for good, each with its revision when
    #: it was read. One that has changed since stays live.
    archived: Mapping[int, int] = field(default_factory=dict)
    #: Whatever else belongs into the transaction.
    also: Callable[[], None] = _nothing_else

    def commit(self) -> None:
        """Make the change. Raises ListChangedError, having changed nothing, or django.db.Error.

        Where the database does not say what became of the commit, the change may have been made: so
        the drafts stay, and unless they are listed the next `clean_up` after a while deletes them.
        """
        try:
            self._keep_figures()
            keep_for_readers(self.removed)
            with turn_to_write(patient=True, until=monotonic() + BUSY_SECONDS):
                with transaction.atomic():
                    self._write()
                checkpoint()
        except ListChangedError:
            self.discard()
            raise

    def discard(self) -> None:
        """Delete the drafts: the change is not going to be made."""
        for draft in self.added:
            draft.discard()

    def _keep_figures(self) -> None:
        """Write anew what stays of figures that are to go: of days whose events are not kept."""
        kept_from = events_kept_from(self.site_id)
        if kept_from is None:
            return
        for file in self._rollups():
            if file.first_day < kept_from <= file.last_day and touches(file, self.changed_days):
                query = f"SELECT * FROM {read_files([file])} WHERE happened_on < DATE '{kept_from}'"
                engine = open_engine()
                try:
                    self.added.append(write_figures(engine, query, file, last_day=kept_from - DAY))
                finally:
                    engine.close()

    def _write(self) -> None:
        kept_from = events_kept_from(self.site_id)
        stale = [
            file
            for file in self._rollups()
            if touches(file, self.changed_days)
            and (kept_from is None or file.last_day >= kept_from)
        ]
        keep_for_readers(stale)
        ids = [file.pk for file in self.removed]
        deleted, _ = ArchiveFile.objects.filter(pk__in=ids).delete()
        if deleted != len(ids):
            raise ListChangedError("Another process has changed these files.")
        ArchiveFile.objects.filter(pk__in=[file.pk for file in stale]).delete()
        for draft in self.added:
            draft.row.save(force_insert=True)
        self._settle()
        self.also()

    def _rollups(self) -> list[ArchiveFile]:
        if not self.changed_days:
            return []
        return list(ArchiveFile.objects.for_site(self.site_id).rollups())

    def _settle(self) -> None:
        """Take the visits from the live ones; what has changed meanwhile is now ahead of a file."""
        if not self.archived:
            return
        now = self._revisions_now()
        if len(now) < len(self.archived):
            raise ListChangedError("A visit was deleted while it was archived.")
        ahead = [pk for pk, read in self.archived.items() if now[pk] != read]
        forget_visits(self.site_id, self.archived.keys() - set(ahead))
        if not ahead:
            return
        # A reader may know them as they are now, but not yet that a file holds them too.
        revision = next_revision()
        for place in range(0, len(ahead), _CHUNK):
            chunk = ahead[place : place + _CHUNK]
            LiveVisit.objects.filter(pk__in=chunk).update(is_archived=True, revision=revision)

    def _revisions_now(self) -> dict[int, int]:
        ids = sorted(self.archived)
        found: dict[int, int] = {}
        for place in range(0, len(ids), _CHUNK):
            live = LiveVisit.objects.filter(pk__in=ids[place : place + _CHUNK])
            if connection.vendor == "postgresql":
                live = live.order_by("pk").select_for_update()
            found.update(live.values_list("pk", "revision"))
        return found


def touches(rollup: ArchiveFile, days: set[date]) -> bool:
    """Return whether daily figures would be others when events on these days are.

    That is when it has one of the days, or a later day with visits that began on one or before.
    """
    if any(rollup.first_day <= day <= rollup.last_day for day in days):
        return True
    return any(
        any(date.fromisoformat(earliest) <= day < date.fromisoformat(late) for day in days)
        for late, earliest in rollup.reaches_back.items()
    )
