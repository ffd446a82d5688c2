"""Days that are over become rows of daily figures, in files beside those of their events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Final

import duckdb
from django.db.models import Min

from archive.engine import open_engine
from archive.files import Draft, read_files, write_file
from archive.lists import ListChange
from archive.models import DAY, ArchiveFile, events_kept_from
from reports.dates import DateRange, first_of_month, next_month, today_in
from reports.dimensions import HOUR_OF_DAY
from reports.rollup import (
    COUNTED,
    ROLLED_UP,
    ROLLUP_COLUMNS,
    WHOLE,
    stored_name,
    write_daily_figures,
    write_stays,
    zone_of,
)
from reports.sql import with_hour_of_day
from sites.models import Site
from visits.models import LiveVisit

#: A dimension with more rows than one for so many stays says little more than the events do, and
#: is left to them.
STAYS_PER_ROW: Final = 4
#: Events of a day that are many: a page reads them in some tens of milliseconds.
MANY_EVENTS: Final = 20_000
#: So many files of one month are merged; fewer once the month is over.
MANY: Final = 8


def roll_up(site: Site, now: datetime) -> int:
    """Write daily figures of every day of `site` that has none; return how many days.

    A day that goes on, or has a visit that is still live, is going to have others: it has to wait,
    unless so many of its events are archived that reading them takes longer than writing figures.
    For whoever holds `archive.folder.change_archive`. Raises what `ListChange.commit` does.
    """
    rolled_up = 0
    end = _rollable_until(site, now)
    files = list(ArchiveFile.objects.for_site(site.pk).order_by("first_day"))
    have = _days_with_figures(files)
    missing = [
        *_missing(files, have, events_kept_from(site.pk), end),
        *(
            (day, day)
            for day in _full_days(files, end, today_in(site.zone, now))
            if day not in have
        ),
    ]
    for first, last in missing:
        with _engine() as engine:
            drafts = [write_rollup(engine, site.pk, first, last)]
            ListChange(site_id=site.pk, added=drafts).commit()
        rolled_up += (last - first).days + 1
    _merge_months(site, end)
    return rolled_up


def write_rollup(engine: duckdb.DuckDBPyConnection, site_id: int, first: date, last: date) -> Draft:
    """Return a draft of the daily figures of the days from `first` to `last`, of one month."""
    row = _make_figures(engine, site_id, first, last)
    return write_file(engine, f"SELECT * FROM daily ORDER BY {_SORTED_BY}", row)


def holds(rollup: ArchiveFile) -> bool:
    """Return whether daily figures are those that the site's files of events make now.

    True also where the events of its days are not kept: nothing else tells what they were. For
    whoever holds `archive.folder.change_archive`. The file has to be whole.
    """
    kept_from = events_kept_from(rollup.site_id)
    if kept_from is not None and rollup.first_day < kept_from:
        return True
    with _engine() as engine:
        made = _make_figures(
            engine,
            rollup.site_id,
            rollup.first_day,
            rollup.last_day,
            dimensions=rollup.dimensions,
        )
        if (made.rows, made.reaches_back, made.has_users) != (
            rollup.rows,
            rollup.reaches_back,
            rollup.has_users,
        ):
            return False
        kept = f"(SELECT {', '.join(ROLLUP_COLUMNS)} FROM {read_files([rollup])})"
        for one, other in (("daily", kept), (kept, "daily")):
            if engine.execute(f"FROM {one} EXCEPT ALL FROM {other} LIMIT 1").fetchall():
                return False
    return True


def _make_figures(
    engine: duckdb.DuckDBPyConnection,
    site_id: int,
    first: date,
    last: date,
    *,
    dimensions: Collection[str] | None = None,
) -> ArchiveFile:
    """Write the figures of the days into the table `daily`, and return the row that tells of them.

    Those of all dimensions that are worth it, or of the ones that are named.
    """
    files = list(ArchiveFile.objects.for_site(site_id).events().filter(last_day__gte=first))
    reaching = [file for file in files if file.first_day <= last]
    row = ArchiveFile(
        site_id=site_id, kind=ArchiveFile.Kind.ROLLUP, first_day=first, last_day=last, rows=0
    )
    columns = ", ".join(f"{name} {kind}" for name, kind in ROLLUP_COLUMNS.items())
    engine.execute(f"CREATE OR REPLACE TEMP TABLE daily ({columns})")
    zone = zone_of(dimensions or (), Site.objects.get(pk=site_id).zone)
    if reaching:
        row.reaches_back, row.has_users = _describe(engine, reaching, first, last)
        since = min([first, *map(date.fromisoformat, row.reaches_back.values())])
        earlier = ArchiveFile.objects.for_site(site_id).events()
        source = read_files(earlier.filter(last_day__gte=since, first_day__lte=last))
        days = DateRange(first_day=first, end_day=last + DAY, zone=zone)
        row.dimensions = _fill(
            engine, source, since, days, dimensions, with_later_days=bool(row.reaches_back)
        )
    else:
        # There is nothing that they would leave out.
        row.dimensions = sorted(stored_name(each, zone) for each in ROLLED_UP.values())
    row.rows = engine.execute("SELECT count(*) FROM daily").fetchall()[0][0]
    return row


#: A question reads one dimension, and groups by value.
_SORTED_BY: Final = "dimension, value, happened_on, previous_on"


@contextmanager
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    engine = open_engine()
    try:
        yield engine
    finally:
        engine.close()


def _rollable_until(site: Site, now: datetime) -> date:
    """Return the first day that is not over, or has a live visit."""
    today = today_in(site.zone, now)
    live: date | None = LiveVisit.objects.filter(site=site).aggregate(on=Min("started_on"))["on"]
    return min(today, live or today)


def _days_with_figures(files: Iterable[ArchiveFile]) -> set[date]:
    return {day for file in files if file.kind == ArchiveFile.Kind.ROLLUP for day in file.days}


def _missing(
    files: Iterable[ArchiveFile], have: set[date], kept_from: date | None, end: date
) -> Iterator[tuple[date, date]]:
    """Yield the days before `end` without figures, as runs within a month, first and last day."""
    beginnings = [file.first_day for file in files if file.kind == ArchiveFile.Kind.EVENTS]
    # Days before those that are kept have figures, and no longer all of their events.
    day = kept_from or min(beginnings, default=end)
    while day < end:
        if day in have:
            day += DAY
            continue
        first = day
        month_end = min(end, next_month(day))
        while day < month_end and day not in have:
            day += DAY
        yield first, day - DAY


def _full_days(files: Iterable[ArchiveFile], first: date, last: date) -> Iterator[date]:
    """Yield the days from `first` to `last` of which about so many events are archived."""
    events = [file for file in files if file.kind == ArchiveFile.Kind.EVENTS]
    for day in (first + n * DAY for n in range((last - first).days + 1)):
        reaching = [file for file in events if file.first_day <= day <= file.last_day]
        if sum(file.rows / len(file.days) for file in reaching) >= MANY_EVENTS:
            yield day


def _describe(
    engine: duckdb.DuckDBPyConnection, files: Iterable[ArchiveFile], first: date, last: date
) -> tuple[dict[str, str], bool]:
    """Return days with visits that began before, and when the earliest did; and if users came."""
    rows = engine.execute(
        f"SELECT happened_on, min(started_on), bool_or(visitor < 0) FROM {read_files(files)}"
        " WHERE happened_on BETWEEN ? AND ? GROUP BY happened_on ORDER BY happened_on",
        [first, last],
    ).fetchall()
    back = {str(day): str(earliest) for day, earliest, _ in rows if earliest < day}
    return back, any(has_users for _, _, has_users in rows)


def _fill(
    engine: duckdb.DuckDBPyConnection,
    source: str,
    since: date,
    days: DateRange,
    dimensions: Collection[str] | None,
    *,
    with_later_days: bool,
) -> list[str]:
    """Write the dimensions' figures into the table `daily`, and return which these are.

    Without names they are those that are worth it, also where they have no value on these days.
    """
    events = (
        f"(SELECT * FROM {source} WHERE happened_on >= DATE '{since}'"
        f" AND happened_on < DATE '{days.end_day}')"
    )
    engine.execute(f"CREATE OR REPLACE TEMP TABLE stays AS {write_stays(events)}")
    ((stays,),) = engine.execute(
        "SELECT count(*) FROM stays WHERE happened_on >= ?", [days.first_day]
    ).fetchall()
    with_hours = with_hour_of_day(events, replace(days, first_day=since))
    kept = []
    components = [component.name for component in COUNTED]
    for dimension in ROLLED_UP.values():
        name = stored_name(dimension, days.zone)
        if dimensions is not None and name not in dimensions:
            continue
        figures = write_daily_figures(
            dimension,
            components,
            stays="stays",
            events=with_hours if dimension is HOUR_OF_DAY else events,
            since=f"DATE '{days.first_day}'",
            with_later_days=with_later_days,
        )
        engine.execute(f"CREATE OR REPLACE TEMP TABLE figures AS {figures}")
        rows = engine.execute("SELECT count(*) FROM figures").fetchall()[0][0]
        if dimensions is not None or dimension is WHOLE or rows * STAYS_PER_ROW <= stays:
            kept.append(name)
            engine.execute(
                "INSERT INTO daily SELECT"
                f" '{name}', value, happened_on, previous_on, {', '.join(components)} FROM figures"
            )
    engine.execute("DROP TABLE stays")
    return sorted(kept)


def _merge_months(site: Site, end: date) -> None:
    months: dict[date, list[ArchiveFile]] = defaultdict(list)
    # Those of days that are not over are going to be replaced, and alone for that.
    over = ArchiveFile.objects.for_site(site.pk).rollups().filter(last_day__lt=end)
    for file in over.order_by("first_day"):
        months[first_of_month(file.first_day)].append(file)
    for month, files in months.items():
        if len(files) >= (2 if next_month(month) <= end else MANY):
            _merge(site.pk, files)


def _merge(site_id: int, files: list[ArchiveFile]) -> None:
    """Make one file of several that follow each other: a day's rows never depend on the others."""
    kept = set.intersection(*(set(file.dimensions) for file in files))
    row = ArchiveFile(
        site_id=site_id,
        kind=ArchiveFile.Kind.ROLLUP,
        first_day=files[0].first_day,
        last_day=files[-1].last_day,
        rows=0,
        reaches_back={day: back for file in files for day, back in file.reaches_back.items()},
        dimensions=sorted(kept),
        has_users=any(file.has_users for file in files),
    )
    names = ", ".join(f"'{name}'" for name in sorted(kept))
    source = f"{read_files(files)} WHERE dimension IN ({names})"
    with _engine() as engine:
        row.rows = engine.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]
        draft = write_file(engine, f"SELECT * FROM {source} ORDER BY {_SORTED_BY}", row)
        ListChange(site_id=site_id, added=[draft], removed=files).commit()
