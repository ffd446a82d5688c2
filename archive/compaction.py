"""Small files of a month become one."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Final

from archive.archiver import add_events, working_table
from archive.files import read_files
from archive.lists import ListChange
from archive.models import ArchiveFile

#: So many small files of one month are merged; fewer once the month is over.
MANY: Final = 8
#: A file of this size stays as it is.
LARGE_BYTES: Final = 256 * 1024 * 1024
#: A merge of more at once would take too much memory and time.
MAX_BYTES: Final = 1024 * 1024 * 1024


def compact(site_id: int, today: date) -> int:
    """Merge small files of a site, month by month, and return how many there were.

    No event changes, so daily figures stay. For whoever holds `archive.folder.change_archive`.
    Raises what `ListChange.commit` does.
    """
    merged = 0
    for month, files in _by_month(site_id).items():
        if len(files) >= (2 if month < (today.year, today.month) else MANY):
            _merge(site_id, files)
            merged += len(files)
    return merged


def _by_month(site_id: int) -> dict[tuple[int, int], list[ArchiveFile]]:
    """Return the small files of each month, the smallest first, as many as can be merged."""
    months: dict[tuple[int, int], list[ArchiveFile]] = defaultdict(list)
    sizes: dict[tuple[int, int], int] = defaultdict(int)
    small = ArchiveFile.objects.for_site(site_id).events().filter(size_bytes__lt=LARGE_BYTES)
    for file in small.order_by("size_bytes", "pk"):
        month = (file.first_day.year, file.first_day.month)
        if sizes[month] + file.size_bytes <= MAX_BYTES:
            months[month].append(file)
            sizes[month] += file.size_bytes
    return months


def _merge(site_id: int, files: list[ArchiveFile]) -> None:
    change = ListChange(site_id=site_id, removed=files)
    with working_table() as engine:
        add_events(engine, change, f"(SELECT * FROM {read_files(files)})")
    change.commit()
