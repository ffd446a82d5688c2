"""The rows that reports read beside the archive, kept in the engine and brought up to date."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import duckdb

from archive.columns import COLUMNS
from archive.engine import LIVE_TABLE, open_engine
from archive.files import read_files
from archive.folder import archive_folder
from archive.models import ArchiveFile, events_kept_from
from archive.rows import insert_visits
from archive.snapshots import one_state
from visits.changes import read_horizon
from visits.models import LiveVisit, RowsState


@dataclass(frozen=True, slots=True)
class SiteState:
    """A site as it stands at one moment: its files, and what is live beside them.

    `engine` is a connection in whose transaction the live rows stay as they were then, and `maker`
    another: once that commits, everybody sees the tables that it has made.
    """

    site_id: int
    engine: duckdb.DuckDBPyConnection
    maker: duckdb.DuckDBPyConnection
    files: list[ArchiveFile]
    rollups: list[ArchiveFile]
    #: Visits that the files hold as they no longer are.
    superseded: frozenset[int]
    #: Days of live events.
    live_days: frozenset[date]
    #: The earliest day of a visit that the files hold as it no longer is, or was deleted.
    changed_since: date | None
    #: Of days before this one, daily figures are all there is; None: events are of every day.
    kept_from: date | None

    def events(self, first_day: date = date.min, end_day: date = date.max) -> str:
        """Return every event of the site as it stands, as a query in brackets.

        What has no event on the days [first_day, end_day) is left out: the less the engine is told
        of, the sooner it has a plan.
        """
        columns = ", ".join(COLUMNS)
        parts = []
        if self.files_of(first_day, end_day):
            archived = f"SELECT {columns} FROM {self.archived_events(first_day, end_day)}"
            if self.superseded:
                archived += " ANTI JOIN superseded USING (visit_id)"
            parts.append(archived)
        if not parts or self.has_live(first_day, end_day):
            parts.append(f"SELECT {columns} FROM {self.live_events()}")
        return f"({' UNION ALL '.join(parts)})"

    def archived_events(self, first_day: date, end_day: date) -> str:
        """Return every event that the files hold, as a query: superseded visits as they were.

        Files without an event on the days [first_day, end_day) are left out.
        """
        return read_files(self.files_of(first_day, end_day))

    def live_events(self) -> str:
        """Return every event of the site that is live, as a query in brackets."""
        return f"(SELECT * FROM {LIVE_TABLE} WHERE site_id = {self.site_id:d})"

    def has_live(self, first_day: date, end_day: date) -> bool:
        """Return whether an event on the days [first_day, end_day) is live."""
        return any(first_day <= day < end_day for day in self.live_days)

    def files_of(self, first_day: date, end_day: date) -> list[ArchiveFile]:
        """Return the files that have an event on the days [first_day, end_day)."""
        return [
            file for file in self.files if file.first_day < end_day and file.last_day >= first_day
        ]

    @property
    def changed_from(self) -> date | None:
        """The first day of which the files do not hold every event as it is; None: they do."""
        return min([*self.live_days, *filter(None, [self.changed_since])], default=None)


@dataclass(slots=True)
class _Known:
    """What is in the engine of one site."""

    horizon: int = 0
    departures: int = 0
    visits: dict[int, LiveVisit] = field(default_factory=dict)
    #: The days of its live events.
    days: frozenset[date] = frozenset()
    #: The files of the list by their names, under which nothing ever changes.
    files: dict[str, ArchiveFile] = field(default_factory=dict)


class LiveRows:
    """The live rows of every site that this process has been asked about."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, _Known] = {}

    @contextmanager
    def state(self, site_id: int) -> Iterator[SiteState]:
        """Give the site as it stands now; what was committed before is in it.

        Only what has changed since the last time is read from the database.
        """
        with closing(open_engine()) as engine, closing(open_engine()) as maker:
            with self._lock:
                known = self._known.setdefault(site_id, _Known())
                try:
                    files, kept_from = self._refresh(engine, site_id, known)
                    _begin(engine)
                    _begin(maker)
                except BaseException:
                    # What was read in part is read anew.
                    self._forget(engine, site_id)
                    raise
                state = _make_state(engine, maker, site_id, known, files, kept_from)
            yield state

    def _refresh(
        self, engine: duckdb.DuckDBPyConnection, site_id: int, known: _Known
    ) -> tuple[list[ArchiveFile], date | None]:
        with one_state():
            horizon = read_horizon()
            kept_from = events_kept_from(site_id)
            files = _list_files(site_id, known)
            live = LiveVisit.objects.filter(site=site_id)
            changed = list(live.filter(revision__gte=known.horizon))
            departures = _departures(site_id)
            left: set[int] = set()
            if departures != known.departures:
                left = known.visits.keys() - set(live.values_list("pk", flat=True))
            engine.execute("BEGIN")
            stored = (visit.pk for visit in changed if visit.pk in known.visits)
            _delete(engine, [*left, *stored])
            insert_visits(engine, LIVE_TABLE, [v.pk for v in changed if not v.is_gone])
            if left or changed:
                known.days = _live_days(engine, site_id)
            engine.execute("COMMIT")
        for pk in left:
            del known.visits[pk]
        known.visits.update((visit.pk, visit) for visit in changed)
        known.horizon, known.departures = horizon, departures
        return files, kept_from

    def _forget(self, engine: duckdb.DuckDBPyConnection, site_id: int) -> None:
        self._known.pop(site_id, None)
        with suppress(duckdb.Error):  # nothing may have been begun
            engine.execute("ROLLBACK")
        engine.execute(f"DELETE FROM {LIVE_TABLE} WHERE site_id = ?", [site_id])


_processes: dict[Path, LiveRows] = {}
_making: Final = threading.Lock()


def process_rows() -> LiveRows:
    """Return the live rows that this process keeps."""
    with _making:
        return _processes.setdefault(archive_folder(), LiveRows())


def forget_rows() -> None:
    """Keep none any more: a test's rows are rolled back."""
    with _making:
        _processes.clear()


def _departures(site_id: int) -> int:
    counts = RowsState.objects.filter(site=site_id).values_list("departures", flat=True)
    return next(iter(counts), 0)


def _list_files(site_id: int, known: _Known) -> list[ArchiveFile]:
    """Return the site's files in order of their days; those that are new are read."""
    listed = ArchiveFile.objects.for_site(site_id).order_by("first_day", "last_day", "pk")
    names = list(listed.values_list("name", flat=True))
    if missing := [name for name in names if name not in known.files]:
        known.files |= ArchiveFile.objects.in_bulk(missing, field_name="name")
    known.files = {name: known.files[name] for name in names}
    return list(known.files.values())


def _delete(engine: duckdb.DuckDBPyConnection, visit_ids: Iterable[int]) -> None:
    ids = list(visit_ids)
    if ids:
        engine.execute(f"DELETE FROM {LIVE_TABLE} WHERE visit_id IN (SELECT unnest(?))", [ids])


def _live_days(engine: duckdb.DuckDBPyConnection, site_id: int) -> frozenset[date]:
    days = engine.execute(
        f"SELECT DISTINCT happened_on FROM {LIVE_TABLE} WHERE site_id = ?", [site_id]
    )
    return frozenset(day for (day,) in days.fetchall())


def _begin(engine: duckdb.DuckDBPyConnection) -> None:
    """Begin a transaction that sees the live rows as they are now."""
    # Nobody asks for rows in the order of their files: so threads share a table's parts evenly.
    engine.execute("SET SESSION preserve_insertion_order = false")
    engine.execute("BEGIN")
    # From its first statement on it does.
    engine.execute(f"SELECT 1 FROM {LIVE_TABLE} LIMIT 1")


def _make_state(
    engine: duckdb.DuckDBPyConnection,
    maker: duckdb.DuckDBPyConnection,
    site_id: int,
    known: _Known,
    files: list[ArchiveFile],
    kept_from: date | None,
) -> SiteState:
    visits = known.visits.values()
    superseded = frozenset(visit.pk for visit in visits if visit.is_archived)
    for each in (engine, maker) if superseded else ():
        each.execute(
            "CREATE TEMP TABLE superseded AS SELECT unnest(?) AS visit_id", [list(superseded)]
        )
    return SiteState(
        site_id=site_id,
        engine=engine,
        maker=maker,
        files=[file for file in files if file.kind == ArchiveFile.Kind.EVENTS],
        rollups=[file for file in files if file.kind == ArchiveFile.Kind.ROLLUP],
        superseded=superseded,
        live_days=known.days,
        changed_since=min((v.started_on for v in visits if v.is_archived), default=None),
        kept_from=kept_from,
    )
