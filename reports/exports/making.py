"""The events of an export as files: one, or parts of which one after the other is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from io import BytesIO
from typing import IO, Final

from django.conf import settings

from reports.dates import DAY
from reports.exceptions import TooManyEventsError
from reports.exports.events import EVENT_COLUMNS, StoredEvents, open_events
from reports.exports.sheets import open_sheet
from reports.queries import ReportQuery

#: Events that are sorted and written at a time, if no day has more.
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
        ranges = split_days(_count(events), PART_EVENTS)
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


def split_days(counts: dict[date, int], most: int) -> list[tuple[date, date]]:
    """Return ranges of days [first, end), in order, of at most so many events or of one day.

    Together they have every event that was counted.
    """
    parts: list[tuple[date, date]] = []
    size = 0
    for day, events in sorted(counts.items()):
        if parts and size + events <= most:
            parts[-1] = (parts[-1][0], day + DAY)
            size += events
        else:
            parts.append((day, day + DAY))
            size = events
    return parts


def _count(events: StoredEvents) -> dict[date, int]:
    """Return how many events each day has. Raises TooManyEventsError."""
    counts = events.count_by_day()
    if (total := sum(counts.values())) > settings.EXPORT_EVENTS:
        raise TooManyEventsError(total, settings.EXPORT_EVENTS)
    return counts


def _make_part(query: ReportQuery, days: tuple[date, date], seconds: float) -> IO[bytes]:
    first_day, end_day = days
    part = replace(query, range=replace(query.range, first_day=first_day, end_day=end_day))
    with open_events(part, seconds) as events:
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
