"""Ranges of a site's days, their presets, and the buckets of a chart: all time zones end here.

Ranges are half-open, [first_day, end_day). A day is the site's: it begins at midnight in the
site's time zone and has 23 or 25 hours when clocks change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)

#: Reports reach from here ...
EARLIEST_DAY: Final = date(2000, 1, 1)
#: ... to here.
LATEST_DAY: Final = date(2100, 1, 1)


class Interval(StrEnum):
    """The width of a chart's bucket."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One step of a chart: its key as the engine gives it, and when it begins and ends.

    A key is the first day for days, weeks and months, the beginning in UTC (naive) for hours.
    """

    key: date | datetime
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRange:
    """Some of a site's days, [first_day, end_day), up to an instant when the last is unfinished."""

    first_day: date
    end_day: date
    zone: ZoneInfo
    #: Events from here on are left out; None: the days are whole.
    until: datetime | None = None

    @property
    def days(self) -> int:
        """How many days the range has."""
        return (self.end_day - self.first_day).days

    @property
    def last_day(self) -> date:
        """The last day that belongs to the range."""
        return self.end_day - DAY

    @property
    def starts_at(self) -> datetime:
        """The instant at which the first day begins."""
        return midnight(self.first_day, self.zone)

    @property
    def ends_at(self) -> datetime:
        """The instant at which the last day ends."""
        return midnight(self.end_day, self.zone)

    def previous(self, now: datetime) -> DateRange:
        """The range of as many days just before; as far into its last day as now is into today.

        At 10:00, today is compared with yesterday until 10:00, not with the whole of it.
        """
        width = self.end_day - self.first_day
        until = None
        if self.starts_at <= now < self.ends_at:
            local = now.astimezone(self.zone)
            until = datetime.combine(local.date() - width, local.time(), self.zone)
        return DateRange(
            first_day=self.first_day - width, end_day=self.first_day, zone=self.zone, until=until
        )

    def intervals(self) -> tuple[Interval, ...]:
        """The bucket widths that give a readable chart, the default first."""
        if self.days <= 2:
            return (Interval.HOUR, Interval.DAY)
        if self.days <= 7:
            return (Interval.DAY, Interval.HOUR)
        if self.days <= 92:
            return (Interval.DAY, Interval.WEEK)
        if self.days <= 400:
            return (Interval.WEEK, Interval.DAY, Interval.MONTH)
        return (Interval.MONTH, Interval.WEEK)

    def buckets(self, interval: Interval) -> list[Bucket]:
        """Every bucket that meets the range, in order, also those in which nothing happened.

        The first week or month may begin before the range; the range alone is counted in it.
        """
        if interval is Interval.HOUR:
            return list(self._hours())
        step = _STEPS[interval]
        buckets = []
        day = _BEGINNINGS[interval](self.first_day)
        while day < self.end_day:
            following = step(day)
            buckets.append(Bucket(day, midnight(day, self.zone), midnight(following, self.zone)))
            day = following
        return buckets

    def _hours(self) -> Iterator[Bucket]:
        """Hours as they pass, from local midnight on: 23 or 25 of them when clocks change."""
        for offset in range(self.days):
            day = self.first_day + offset * DAY
            start = midnight(day, self.zone).astimezone(UTC)
            end = midnight(day + DAY, self.zone).astimezone(UTC)
            while start < end:
                following = min(start + HOUR, end)
                yield Bucket(
                    start.replace(tzinfo=None),
                    start.astimezone(self.zone),
                    following.astimezone(self.zone),
                )
                start = following


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which `day` begins in `zone`."""
    return datetime.combine(day, time.min, zone)


def _monday(day: date) -> date:
    return day - day.weekday() * DAY


def first_of_month(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after the day's."""
    return first_of_month(day.replace(day=28) + 4 * DAY)


_BEGINNINGS: Final[dict[Interval, Callable[[date], date]]] = {
    Interval.DAY: lambda day: day,
    Interval.WEEK: _monday,
    Interval.MONTH: first_of_month,
}
_STEPS: Final[dict[Interval, Callable[[date], date]]] = {
    Interval.DAY: lambda day: day + DAY,
    Interval.WEEK: lambda day: day + 7 * DAY,
    Interval.MONTH: next_month,
}


@dataclass(frozen=True, slots=True)
class Preset:
    """A range by name: what the address says, what people read, and its days seen from today."""

    name: str
    label: str
    days: Callable[[date], tuple[date, date]]


def _last_days(count: int) -> Callable[[date], tuple[date, date]]:
    return lambda today: (today - (count - 1) * DAY, today + DAY)


def _last_month(today: date) -> tuple[date, date]:
    this_month = first_of_month(today)
    return first_of_month(this_month - DAY), this_month


def _twelve_months(today: date) -> tuple[date, date]:
    first = first_of_month(today)
    for _ in range(11):
        first = first_of_month(first - DAY)
    return first, today + DAY


PRESETS: Final[dict[str, Preset]] = {
    preset.name: preset
    for preset in (
        Preset("day", "Today", _last_days(1)),
        Preset("yesterday", "Yesterday", lambda today: (today - DAY, today)),
        Preset("7d", "Last 7 days", _last_days(7)),
        Preset("28d", "Last 28 days", _last_days(28)),
        Preset("30d", "Last 30 days", _last_days(30)),
        Preset("91d", "Last 91 days", _last_days(91)),
        Preset("month", "This month", lambda today: (first_of_month(today), today + DAY)),
        Preset("last_month", "Last month", _last_month),
        Preset("year", "This year", lambda today: (date(today.year, 1, 1), today + DAY)),
        Preset("12mo", "Last 12 months", _twelve_months),
    )
}


def today_in(zone: ZoneInfo, now: datetime) -> date:
    """The day that `now` falls on in `zone`."""
    return now.astimezone(zone).date()


def preset_range(name: str, zone: ZoneInfo, now: datetime) -> DateRange:
    """The days of a preset, seen from `now`. Raises KeyError for a name that is none."""
    first_day, end_day = PRESETS[name].days(today_in(zone, now))
    return DateRange(first_day=first_day, end_day=end_day, zone=zone)
