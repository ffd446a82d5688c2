"""Erasing from daily figures of days whose events are kept no more.

Those of all other days are made of their events anew. A day's totals that are all there is of it
stay as they are: which part of them a path had, nobody can tell any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archive.archiver import working_table
from archive.engine import quote
from archive.files import read_files, write_figures
from archive.lists import ListChange
from archive.models import DAY, ArchiveFile, Erasure, KeptEvents
from sites.models import Site

Kind: Final = Erasure.Kind

#: Dimensions whose values are paths.
_OF_PATHS: Final = "('page', 'entry_page', 'exit_page')"


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of daily figures: which go, and which change, to what."""

    gone: str
    changed: str = "false"
    columns: str = "*"


def erase_figures(erasure: Erasure) -> None:
    """Erase the daily figures of days that go, and the rows of a path that goes."""
    if erasure.kind == Kind.ALL:
        _erase_all(erasure.site_id)
        return
    rows = _rows_named(erasure)
    kept = KeptEvents.objects.filter(site=erasure.site_id).first()
    if rows is None or kept is None:
        return
    files = ArchiveFile.objects.for_site(erasure.site_id).rollups()
    for file in files.filter(first_day__lt=kept.first_day).order_by("pk"):
        _erase_from(file, rows)
    if erasure.kind == Kind.DAYS:
        _begin_later(kept, erasure)


def _rows_named(erasure: Erasure) -> _Rows | None:
    if erasure.kind == Kind.PATH:
        return _Rows(f"dimension IN {_OF_PATHS} AND value = {quote(erasure.name)}")
    if erasure.kind != Kind.DAYS:
        return None
    erased = f"BETWEEN DATE '{erasure.first_day}' AND DATE '{erasure.last_day}'"
    return _Rows(
        f"happened_on {erased}",
        # What was last seen on a day that is gone, is now seen for the first time.
        f"previous_on {erased}",
        f"* REPLACE (CASE WHEN previous_on {erased} THEN NULL ELSE previous_on END AS previous_on)",
    )


def _erase_from(file: ArchiveFile, rows: _Rows) -> None:
    source = read_files([file])
    with working_table() as engine:
        found = engine.execute(
            f"SELECT count(*) FROM {source} WHERE ({rows.gone}) OR coalesce({rows.changed}, false)"
        ).fetchall()[0][0]
        if not found:
            return
        query = f"SELECT {rows.columns} FROM {source} WHERE NOT ({rows.gone})"
        draft = write_figures(engine, query, file, last_day=file.last_day)
        ListChange(site_id=file.site_id, added=[draft], removed=[file]).commit()


def _erase_all(site_id: int) -> None:
    files = list(ArchiveFile.objects.for_site(site_id).rollups())
    kept = KeptEvents.objects.filter(site=site_id)

    def forget_what_was_kept() -> None:
        kept.delete()

    ListChange(site_id=site_id, removed=files, also=forget_what_was_kept).commit()


def _begin_later(kept: KeptEvents, erasure: Erasure) -> None:
    """Let the site's first event be after the days that are erased, if it was on one of them."""
    if erasure.first_day is None or erasure.last_day is None:
        return
    zone = Site.objects.get(pk=kept.site_id).zone
    local = kept.first_event_at.astimezone(zone)
    if erasure.first_day <= local.date() <= erasure.last_day:
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        kept.first_event_at = midnight + ((erasure.last_day - local.date()) + DAY)
        kept.save(update_fields=["first_event_at"])
