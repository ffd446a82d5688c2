"""A file of past hits is brought in: read into parts, each part once, then stored site by site.

What has been read lies in the import's folder; its record in the database says how far that is. A
kill at any moment costs the part that was being read, or the site that was being stored: whoever
runs the import again goes on from there, with the same key, so that visitors stay the same.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

from django.db import transaction

from archive.folder import change_archive
from imports.content import Content, last_whole, read_content, stored_until
from imports.folder import destroy, make_key
from imports.giving_up import tidy_up
from imports.lines import Line, read_lines
from imports.models import Import, ImportedSite
from imports.reading import LineReader
from imports.spool import read_tally, refused_lines, write_part
from imports.storing import store_site
from imports.tally import Tally
from imports.visitors import Visitors
from sites.models import Site
from visits.bulk import BUSY_SECONDS
from visits.daily import Counts
from visits.turns import turn_to_write

#: A listener hears of every so many lines.
_TOLD_EVERY: Final = 1_000


class Listener:
    """Is told how far an import is; this one does not listen."""

    def begin(self, line: int, byte: int, size: int) -> None:
        """Reading begins after this line and byte, of a file of so many bytes."""

    def read(self, line: Line) -> None:
        """Take note of a line that is read."""

    def store(self, domain: str) -> None:
        """Take note of a site whose hits are now stored."""


NOBODY: Final = Listener()


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a run: the whole import's figures, also of what earlier runs have read."""

    record: Import
    tally: Tally
    #: Sites of this import by their domain.
    sites: dict[str, ImportedSite] = field(default_factory=dict)
    #: Nothing was left to do: all of the content is in.
    was_finished: bool = False


def import_file(
    path: Path,
    *,
    domain: str = "",
    rejects: Path | None = None,
    wait_seconds: float = 0.0,
    listener: Listener = NOBODY,
) -> Imported:
    """Bring in the hits of a file and return what came of it; goes on with one that was begun.

    `domain` is the one site that they may be for, `rejects` gets the refused lines. For whoever
    holds `imports.folder.only_import`. Raises OSError for a file that cannot be read,
    ArchiveBusyError when somebody else changes the archive for longer than `wait_seconds`, and
    what `archive.lists.ListChange.commit` does; what has been done stays done.
    """
    tidy_up(keep=path)
    content = read_content(path)
    record = _find_or_begin(content, domain)
    if record.state == Import.State.FINISHED:
        return _imported(record, was_finished=True)
    _read(record, content, listener)
    tally = read_tally(record)
    if rejects is not None:
        _write_rejects(record, rejects)
    _store(record, tally, wait_seconds, listener)
    _finish(record, tally)
    return _imported(record)


def _imported(record: Import, *, was_finished: bool = False) -> Imported:
    return Imported(
        record,
        Tally.from_json(record.report),
        {imported.site.domain: imported for imported in record.sites.select_related("site")},
        was_finished,
    )


def _find_or_begin(content: Content, domain: str) -> Import:
    """Return the record of the content: the finished one where nothing is left to do."""
    whole = last_whole(content, domain)
    if whole is not None and whole.size_bytes == content.size_bytes:
        return whole
    for record in reversed(content.earlier):
        if (
            record.state == Import.State.GOING_ON
            and record.size_bytes == content.size_bytes
            and record.domain == domain
        ):
            return record
    return Import.objects.create(
        sha256=content.sha256,
        size_bytes=content.size_bytes,
        domain=domain,
        read_bytes=whole.size_bytes if whole else 0,
        read_lines=whole.read_lines if whole else 0,
    )


def _read(record: Import, content: Content, listener: Listener) -> None:
    """Read what has not been read, part by part."""
    visitors = Visitors(make_key(record.folder))
    reader = LineReader(domain=record.domain, stored_until=stored_until(content))
    listener.begin(record.read_lines, record.read_bytes, content.size_bytes)
    with content.path.open("rb") as file:
        lines = read_lines(
            file, start=record.read_bytes, until=content.size_bytes, number=record.read_lines
        )
        heard = _told(lines, listener)
        while last := write_part(record, record.parts, heard, reader, visitors):
            record.parts += 1
            record.read_lines, record.read_bytes = last.number, last.end
            _save(record)


def _told(lines: Iterator[Line], listener: Listener) -> Iterator[Line]:
    for line in lines:
        if not line.number % _TOLD_EVERY:
            listener.read(line)
        yield line


def _save(record: Import) -> None:
    with turn_to_write(patient=True, until=monotonic() + BUSY_SECONDS), transaction.atomic():
        record.save()


def _write_rejects(record: Import, path: Path) -> None:
    with path.open("wb") as file:
        for part in refused_lines(record):
            with part.open("rb") as lines:
                shutil.copyfileobj(lines, file)


def _store(record: Import, tally: Tally, wait_seconds: float, listener: Listener) -> None:
    """Store every site's hits that are not stored."""
    counts: dict[int, Counts] = {}
    for (site_id, day, name), count in tally.counts.items():
        counts.setdefault(site_id, Counter())[site_id, day, name] = count
    done = set(record.sites.values_list("site", flat=True))
    for site in Site.objects.filter(pk__in=counts.keys() - done).order_by("domain"):
        listener.store(site.domain)
        with change_archive(wait_seconds=wait_seconds):
            store_site(record, site.pk, counts[site.pk])


def _finish(record: Import, tally: Tally) -> None:
    """Destroy the key and what was read; what is known of the import stays."""
    tally.sum_up()
    record.report = tally.as_json()
    record.state = Import.State.FINISHED
    _save(record)
    destroy(record.folder)
