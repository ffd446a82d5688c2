"""What a site's archive should be, beside what it is: files, list, rows and daily figures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

import duckdb
from django.db.models import Exists, OuterRef, Q

from archive.columns import COLUMNS
from archive.engine import open_engine, table_definition
from archive.erasure.steps import carry_out_all
from archive.files import checksum, read_files
from archive.lists import ListChangedError
from archive.models import ArchiveFile, Erasure
from archive.rows import insert_visits
from archive.snapshots import one_state
from sites.models import Site
from visits.models import LiveVisit, Visit

#: Visits that are compared at once: what is held in memory.
BATCH_VISITS: Final = 25_000
#: Ids that a sentence names.
_NAMED: Final = 5

#: Returns whether daily figures are those of the site's files of events.
FiguresCheck = Callable[[ArchiveFile], bool]
_figures_checks: list[FiguresCheck] = []


class Fault(StrEnum):
    """What can be wrong with a visit; the text goes on from "n visits"."""

    DOUBLED = "in more than one file"
    COUNTED_TWICE = "in a file, and live as if they were in none"
    DIFFERING = "other in the files than in their rows"
    UNHELD = "in no file, and not live either"
    ROWLESS = "live, and without rows"


class FaultyFile(NamedTuple):
    """A listed file that does not count, and why."""

    file: ArchiveFile
    reason: str


@dataclass(slots=True)
class Findings:
    """What was compared of one site, and what is wrong."""

    site: Site
    #: Files of events that are whole, with what they hold.
    files: list[ArchiveFile] = field(default_factory=list)
    events: int = 0
    visits: int = 0
    #: Visits whose rows were compared.
    compared_visits: int = 0
    #: Days whose daily figures were compared.
    compared_days: int = 0
    #: Files of events that are lost or damaged.
    damaged: list[FaultyFile] = field(default_factory=list)
    #: Whole ones of which the list tells something else.
    mislisted: list[FaultyFile] = field(default_factory=list)
    rollups: list[FaultyFile] = field(default_factory=list)
    #: Those that could not be finished.
    unfinished_erasures: int = 0
    faults: dict[Fault, int] = field(default_factory=dict)
    #: Some of the visits with each fault.
    named: dict[Fault, list[int]] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        """Return what is wrong, a sentence each; none where nothing is."""
        files = [*self.damaged, *self.mislisted, *self.rollups]
        sentences = [f"{faulty.file.name} {faulty.reason}." for faulty in files]
        sentences += [
            f"{_visits(count)} {'is' if count == 1 else 'are'} {fault},"
            f" such as {', '.join(map(str, self.named[fault]))}."
            for fault, count in self.faults.items()
        ]
        if self.unfinished_erasures:
            sentences.append(f"Erasures that could not be finished: {self.unfinished_erasures:,}.")
        return sentences

    def summary(self) -> str:
        """Return how much was compared."""
        return (
            f"{len(self.files):,} files with {self.events:,} events of {_visits(self.visits)};"
            f" {_visits(self.compared_visits)} compared with their rows, daily figures of"
            f" {self.compared_days:,} days with the events."
        )


def _visits(count: int) -> str:
    return "1 visit" if count == 1 else f"{count:,} visits"


def add_figures_check(check: FiguresCheck) -> None:
    """Have `check` asked about each file of daily figures, where all files of events are whole."""
    if check not in _figures_checks:
        _figures_checks.append(check)


def verify(site: Site) -> Findings:
    """Return what of the site's archive was compared and what is wrong with it.

    It changes nothing, but for what was to be erased and is not yet: that is erased first, as rows,
    files and figures agree only once all have lost it. For whoever holds
    `archive.folder.change_archive`: files, list and figures stand still then. Hits may go on: rows
    are compared in batches, each as of one moment.
    """
    # A file that is lost or damaged stops it, and is found below.
    with suppress(ListChangedError, duckdb.Error, OSError):
        carry_out_all(site.pk)
    with examination(site) as (_, found):
        pass
    found.unfinished_erasures = Erasure.objects.filter(site=site, finished_at=None).count()
    if not found.damaged:
        found.compared_days = sum(len(file.days) for file in _rollups(site))
    found.rollups = wrong_figures(site, of_whole_files=not found.damaged)
    return found


def wrong_figures(site: Site, *, of_whole_files: bool = True) -> list[FaultyFile]:
    """Return files of daily figures that are damaged, or say something else than the events do.

    The latter only where all files of events are whole.
    """
    wrong = []
    for file in _rollups(site):
        reason = _file_fault(file)
        if not reason and of_whole_files and not all(check(file) for check in _figures_checks):
            reason = "has other daily figures than the events make"
        if reason:
            wrong.append(FaultyFile(file, reason))
    return wrong


def _rollups(site: Site) -> list[ArchiveFile]:
    return list(ArchiveFile.objects.for_site(site.pk).rollups().order_by("first_day"))


@contextmanager
def examination(site: Site) -> Iterator[tuple[duckdb.DuckDBPyConnection, Findings]]:
    """Give what `verify` returns but for daily figures, with the engine that has it in full.

    `held (visit_id, file)` has the visits of each whole file, by the file's key;
    `faults (visit_id, fault)` the visits that something is wrong with.
    """
    engine = open_engine()
    try:
        engine.execute("CREATE TEMP TABLE held (visit_id BIGINT, file BIGINT)")
        engine.execute("CREATE TEMP TABLE faults (visit_id BIGINT, fault VARCHAR)")
        engine.execute("CREATE TEMP TABLE batch (visit_id BIGINT)")
        engine.execute(f"CREATE TEMP TABLE stated ({table_definition()})")
        found = Findings(site)
        _read_files(engine, found)
        _find_doubled(engine)
        _find_counted_twice(engine, site)
        _find_rowless(engine, site)
        for visits in _archived_visits(site):
            _compare(engine, found, visits)
        _count_faults(engine, found)
        yield engine, found
    finally:
        engine.close()


def put_batch(engine: duckdb.DuckDBPyConnection, visit_ids: Iterable[int]) -> None:
    """Let the table `batch` have these visits and no others."""
    engine.execute("DELETE FROM batch")
    with engine.appender("batch") as appender:
        appender.append_rows((visit_id,) for visit_id in visit_ids)


def _read_files(engine: duckdb.DuckDBPyConnection, found: Findings) -> None:
    """Sort the listed files of events into whole and damaged ones; note what the whole hold."""
    for file in ArchiveFile.objects.for_site(found.site.pk).events().order_by("first_day", "pk"):
        if reason := _file_fault(file):
            found.damaged.append(FaultyFile(file, reason))
            continue
        found.files.append(file)
        if not _is_listed_right(engine, file):
            found.mislisted.append(FaultyFile(file, "has other events than its list tells"))
        found.events += file.rows
        engine.execute(
            f"INSERT INTO held SELECT DISTINCT visit_id, {file.pk:d} FROM {read_files([file])}"
        )
    ((found.visits,),) = engine.execute("SELECT count(DISTINCT visit_id) FROM held").fetchall()


def _file_fault(file: ArchiveFile) -> str:
    """Return in which way the file is not the one that was listed; empty where it is."""
    try:
        size = file.path.stat().st_size
        if size != file.size_bytes:
            return f"has {size:,} bytes, and was listed with {file.size_bytes:,}"
        if checksum(file.path) != file.sha256:
            return "is damaged: its SHA-256 is another than the listed one"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""


def _is_listed_right(engine: duckdb.DuckDBPyConnection, file: ArchiveFile) -> bool:
    """Return whether the file has what the list tells, by which questions choose their files."""
    (content,) = engine.execute(
        "SELECT count(*), count(*) FILTER (site_id <> ?), min(happened_on), max(happened_on),"
        f" min(happened_at), max(happened_at) FROM {read_files([file])}",
        [file.site_id],
    ).fetchall()
    times = (at and at.replace(tzinfo=UTC) for at in content[4:])
    listed = (file.rows, 0, file.first_day, file.last_day, file.first_event_at, file.last_event_at)
    return (*content[:4], *times) == listed


def _find_doubled(engine: duckdb.DuckDBPyConnection) -> None:
    engine.execute(
        f"INSERT INTO faults SELECT visit_id, '{Fault.DOUBLED.name}' FROM held"
        " GROUP BY visit_id HAVING count(*) > 1"
    )


def _find_counted_twice(engine: duckdb.DuckDBPyConnection, site: Site) -> None:
    """Note visits that are live and not known to be archived, and are in a file all the same.

    None becomes so while nobody changes the archive: a visit that was archived is known to be.
    """
    unarchived = LiveVisit.objects.filter(site=site, is_archived=False)
    put_batch(engine, unarchived.values_list("pk", flat=True).iterator())
    engine.execute(
        f"INSERT INTO faults SELECT DISTINCT visit_id, '{Fault.COUNTED_TWICE.name}'"
        " FROM held SEMI JOIN batch USING (visit_id)"
    )


def _find_rowless(engine: duckdb.DuckDBPyConnection, site: Site) -> None:
    rows = Visit.objects.filter(pk=OuterRef("pk"))
    live = LiveVisit.objects.filter(~Exists(rows), site=site, is_gone=False)
    put_batch(engine, live.values_list("pk", flat=True).iterator())
    engine.execute(f"INSERT INTO faults SELECT visit_id, '{Fault.ROWLESS.name}' FROM batch")


class _Archived(NamedTuple):
    """A visit with rows that is not live."""

    pk: int
    started_at: datetime
    last_event_at: datetime


def _archived_visits(site: Site) -> Iterator[list[_Archived]]:
    """Yield visits that are archived and have rows, the oldest first, a batch in one state each."""
    live = LiveVisit.objects.filter(pk=OuterRef("pk"))
    archived = Visit.objects.filter(~Exists(live), site=site).order_by("started_at", "pk")
    rest = archived
    while True:
        with one_state():
            rows = rest.values_list("pk", "started_at", "last_event_at")[:BATCH_VISITS]
            batch = [_Archived(*row) for row in rows]
            if not batch:
                return
            yield batch
        last = batch[-1]
        rest = archived.filter(
            Q(started_at__gt=last.started_at) | Q(started_at=last.started_at, pk__gt=last.pk)
        )


def _compare(
    engine: duckdb.DuckDBPyConnection, found: Findings, visits: Collection[_Archived]
) -> None:
    """Note visits whose rows say something else than the files do, or that these have not."""
    found.compared_visits += len(visits)
    put_batch(engine, (visit.pk for visit in visits))
    engine.execute("DELETE FROM stated")
    insert_visits(engine, "stated", [visit.pk for visit in visits])
    first = min(visit.started_at for visit in visits)
    last = max(visit.last_event_at for visit in visits)
    # Of a file that is listed right the list tells whether it has events of this time.
    mislisted = [file for file, _ in found.mislisted]
    files = [f for f in found.files if f in mislisted or _overlaps(f, first, last)]
    columns = ", ".join(COLUMNS)
    engine.execute(
        "INSERT INTO faults"
        f" WITH filed AS (SELECT {columns} FROM {read_files(files)}"
        " SEMI JOIN batch USING (visit_id)),"
        " other AS (SELECT visit_id FROM (FROM stated EXCEPT ALL FROM filed)"
        " UNION SELECT visit_id FROM (FROM filed EXCEPT ALL FROM stated))"
        " SELECT visit_id, CASE WHEN visit_id IN (SELECT visit_id FROM held)"
        f" THEN '{Fault.DIFFERING.name}' ELSE '{Fault.UNHELD.name}' END FROM other"
    )


def _overlaps(file: ArchiveFile, first: datetime, last: datetime) -> bool:
    if file.first_event_at is None or file.last_event_at is None:
        return True
    return file.first_event_at <= last and file.last_event_at >= first


def _count_faults(engine: duckdb.DuckDBPyConnection, found: Findings) -> None:
    rows = engine.execute(
        "SELECT fault, count(*), list(visit_id ORDER BY visit_id)[:?] FROM faults GROUP BY fault",
        [_NAMED],
    ).fetchall()
    by_name = {name: (count, ids) for name, count, ids in rows}
    for fault in Fault:
        if fault.name in by_name:
            found.faults[fault], found.named[fault] = by_name[fault.name]
