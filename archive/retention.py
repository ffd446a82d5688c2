"""Events older than a site keeps them are dropped; their daily figures stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import duckdb
from django.db.models import Exists, Min, OuterRef

from archive.archiver import add_events, working_table
from archive.columns import COLUMNS
from archive.files import read_files
from archive.lists import ListChange
from archive.models import DAY, ArchiveFile, KeptEvents
from archive.pruning import delete_archived
from sites.models import Site
from visits.models import LiveVisit, Visit

#: Visits that began before a day. Whole visits stay that go on from that day on, and so do all of
#: their visitors of one day: what such a day adds to the figures of the day before can be told
#: from them alone.
_LEAVING: Final = (
    "SELECT DISTINCT visit_id FROM {events} WHERE started_on < DATE '{before}'"
    " AND visit_id NOT IN (SELECT visit_id FROM going_on)"
    " AND visitor NOT IN (SELECT visitor FROM going_on WHERE visitor >= 0)"
)


@dataclass(frozen=True, slots=True)
class Dropping:
    """What is to be dropped of a site: the events of days before `before`."""

    site: Site
    before: date
    #: Days that have daily figures alone from then on, and had not before.
    days: int


def find_dropping(site: Site, now: datetime) -> Dropping | None:
    """Return what the site's limit lets go; None where there is nothing more.

    Days have daily figures before their events go, and no visit that is still live.
    """
    if site.keep_events_days is None:
        return None
    limit = now.astimezone(site.zone).date() - timedelta(days=site.keep_events_days)
    kept = KeptEvents.objects.filter(site=site).first()
    first = kept.first_day if kept else _first_day(site)
    if first is None:
        return None
    before = max(first, min(_figures_until(site, first, limit), _live_from(site) or limit))
    if before == first and (kept is None or kept.dropped_before == before):
        return None
    return Dropping(site, before, (before - first).days)


def drop_old_events(site: Site, now: datetime) -> int:
    """Drop what the site's limit lets go, from files and rows; return of how many days.

    From the first transaction on reports of those days are answered by their daily figures alone,
    so that it may be stopped anywhere: the next call goes on. For whoever holds
    `archive.folder.change_archive`. Raises what `ListChange.commit` does.
    """
    dropping = find_dropping(site, now)
    if dropping is None:
        return 0
    _keep_from(dropping)
    for file in files_to_drop_from(dropping):
        _drop_from(file, dropping.before)
    _drop_rows(dropping)
    KeptEvents.objects.filter(site=site).update(dropped_before=dropping.before)
    return dropping.days


def files_to_drop_from(dropping: Dropping) -> list[ArchiveFile]:
    """Return the files that may hold something of it."""
    files = ArchiveFile.objects.for_site(dropping.site.pk).events()
    return list(files.filter(first_day__lt=dropping.before).order_by("pk"))


def _first_day(site: Site) -> date | None:
    files = ArchiveFile.objects.for_site(site.pk).events()
    first: date | None = files.aggregate(day=Min("first_day"))["day"]
    return first


def _figures_until(site: Site, first: date, limit: date) -> date:
    """Return the day before which every day from `first` on has figures, not after `limit`."""
    have: set[date] = set()
    for file in ArchiveFile.objects.for_site(site.pk).rollups():
        have |= file.days
    day = first
    while day < limit and day in have:
        day += DAY
    return day


def _live_from(site: Site) -> date | None:
    live: date | None = LiveVisit.objects.filter(site=site).aggregate(on=Min("started_on"))["on"]
    return live


def _keep_from(dropping: Dropping) -> None:
    files = ArchiveFile.objects.for_site(dropping.site.pk).events()
    KeptEvents.objects.update_or_create(
        site=dropping.site,
        defaults={"first_day": dropping.before},
        create_defaults={
            "first_day": dropping.before,
            "first_event_at": files.aggregate(at=Min("first_event_at"))["at"],
        },
    )


def _drop_from(file: ArchiveFile, before: date) -> None:
    with working_table() as engine:
        _find_going_on(engine, file.site_id, before)
        events = read_files([file])
        leaving = _LEAVING.format(events=events, before=before)
        engine.execute(f"CREATE TEMP TABLE leaving AS {leaving}")
        if engine.execute("SELECT count(*) FROM leaving").fetchall() == [(0,)]:
            return
        change = ListChange(site_id=file.site_id, removed=[file])
        columns = ", ".join(COLUMNS)
        add_events(
            engine, change, f"(SELECT {columns} FROM {events} ANTI JOIN leaving USING (visit_id))"
        )
        change.commit()


def _find_going_on(engine: duckdb.DuckDBPyConnection, site_id: int, before: date) -> None:
    """Put visits that began before the day and have events from it on into a table."""
    files = ArchiveFile.objects.for_site(site_id).events()
    across = list(files.filter(last_day__gte=before))
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE going_on AS SELECT DISTINCT visit_id, visitor FROM"
        f" {read_files(across)} WHERE started_on < DATE '{before}'"
        f" AND happened_on >= DATE '{before}'"
    )


def _drop_rows(dropping: Dropping) -> None:
    """Delete the rows of visits that ended before the day; the archive has the others too."""
    midnight = datetime.combine(dropping.before, datetime.min.time(), dropping.site.zone)
    live = LiveVisit.objects.filter(pk=OuterRef("pk"))
    old = Visit.objects.filter(
        ~Exists(live), site=dropping.site, started_at__lt=midnight, last_event_at__lt=midnight
    )
    delete_archived(old)
