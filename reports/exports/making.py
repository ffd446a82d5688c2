"""The events of an export as files: one, or parts of which one after the other is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date
from io import BytesIO
from itertools import pairwise
from typing import IO, Final

from django.conf import settings

from reports.dates import DAY, DateRange
from reports.exceptions import TooManyEventsError
from reports.exports.events import EVENT_COLUMNS, StoredEvents, open_events
from reports.exports.sheets import open_sheet
from reports.queries import ReportQuery

#: Events that are sorted and written at a time, about.
PART_EVENTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Made:
    """The parts of a file that are there, those that are made as they are asked for, its size.

    None: that is not known before all are made.
    """

    parts: list[IO[bytes]]
    size: int | None
    further: Iterator[IO[bytes]] = field(default_factory=lambda: iter(()))


def make_csv(query: ReportQuery, seconds: float) -> Made:
    """Return the query's events as CSV, in order of time.

    Each part is made of the events as they stand then, by a reader of its own, which waits for no
    slow client; it may take so many seconds. Raises ReportLimitError.
    """
    with open_events(query, seconds) as events:
        ranges = split_days(query.range, _count(events), PART_EVENTS)
    parts: list[IO[bytes]] = [_headings()]
    parts += [_make_part(query, days, seconds) for days in ranges[:1]]
    further = (_make_part(query, days, seconds) for days in ranges[1:])
    return Made(parts, None if ranges[1:] else sum(map(_size, parts)), further)


def make_parquet(query: ReportQuery, seconds: float) -> Made:
    """Return the query's events as one file of Parquet, in no order. Raises ReportLimitError."""
    with open_events(query, seconds) as events:
        _count(events)
        file = events.write_parquet()
    return Made([file], _size(file))


def split_days(days: DateRange, counts: dict[date, int], most: int) -> list[DateRange]:
    """Return ranges in order of time, of about so many events at most, that have all of them.

    `counts` are those of each day. A day of more is split by the clock.
    """
    parts: list[DateRange] = []
    size = most
    for day, events in sorted(counts.items()):
        if size + events <= most:
            parts[-1] = replace(parts[-1], end_day=day + DAY)
            size += events
        else:
            parts += _split_day(replace(days, first_day=day, end_day=day + DAY), -(-events // most))
            size = events
    return parts


def _split_day(day: DateRange, count: int) -> list[DateRange]:
    """Return so many ranges of the day that are as long as each other.

    The first and the last have no end towards the days beside, to which the clock may put an event
    of a site whose time zone has been changed.
    """
    starts_at, ends_at = day.starts_at.astimezone(UTC), day.ends_at.astimezone(UTC)
    step = (ends_at - starts_at) / count
    between = [starts_at + number * step for number in range(1, count)]
    return [replace(day, since=a, until=b) for a, b in pairwise([None, *between, None])]


def _count(events: StoredEvents) -> dict[date, int]:
    """Return how many events each day has. Raises TooManyEventsError."""
    counts = events.count_by_day()
    if (total := sum(counts.values())) > settings.EXPORT_EVENTS:
        raise TooManyEventsError(total, settings.EXPORT_EVENTS)
    return counts


def _make_part(query: ReportQuery, days: DateRange, seconds: float) -> IO[bytes]:
    with open_events(replace(query, range=days), seconds) as events:
        return events.write_csv()


def _headings() -> IO[bytes]:
    file = BytesIO()
    with open_sheet(file, EVENT_COLUMNS):
        pass
    file.seek(0)
    return file


def _size(file: IO[bytes]) -> int:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size
