"""Ranges of a site's days, their presets, and the buckets of a chart: all time zones end here.

Ranges are half-open, [first_day, end_day). A day is the site's: it begins at midnight in the
site's time zone and has 23 or 25 hours when clocks change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop as _

from reports.words import write_day

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
SECOND: Final = timedelta(seconds=1)
WEEK: Final = 7 * DAY

#: Reports reach from here ...
EARLIEST_DAY: Final = date(2000, 1, 1)
#: ... to here.
LATEST_DAY: Final = date(2100, 1, 1)


_Day = TypeVar("_Day", date, datetime)


class Interval(StrEnum):
    """The width of a chart's bucket."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One step of a chart: its key as the engine gives it, and when it begins and ends.

    A key is the first day for days, weeks and months, the beginning in UTC (naive) for hours and
    minutes.
    """

    key: date | datetime
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRange:
    """Some of a site's days, [first_day, end_day), or what lies of them between two instants."""

    first_day: date
    end_day: date
    zone: ZoneInfo
    #: Events before this instant are left out; None: the first day is whole.
    since: datetime | None = None
    #: Events from here on are left out; None: the last day is whole.
    until: datetime | None = None

    @classmethod
    def between(cls, since: datetime, until: datetime, zone: ZoneInfo) -> DateRange:
        """The range [since, until) of instants, with the days that it touches."""
        return cls(
            first_day=today_in(zone, since),
            end_day=today_in(zone, until - timedelta(microseconds=1)) + DAY,
            zone=zone,
            since=since,
            until=until,
        )

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

    def previous(self, now: datetime, *, match_weekdays: bool = False) -> DateRange:
        """The range of as many days just before; as far into its last day as now is into today.

        At 10:00, today is compared with yesterday until 10:00, not with the whole of it. To match
        weekdays it is moved back by whole weeks: the least that leaves no overlap.
        """
        if self.since is not None and self.until is not None:
            step = self.until.astimezone(UTC) - self.since.astimezone(UTC)
        else:
            step = self.days * DAY
        if match_weekdays:
            step = -(-step // WEEK) * WEEK
        return self._moved(lambda day: day - step, lambda at: at - step, now)

    def year_before(self, now: datetime, *, match_weekdays: bool = False) -> DateRange:
        """The same days a year earlier, or 52 weeks to match weekdays; as far as now, see above.

        For 29 February it is the 28th.
        """
        if match_weekdays:
            return self._moved(lambda day: day - 52 * WEEK, lambda at: at - 52 * WEEK, now)
        return self._moved(_year_before, _year_before, now)

    def _moved(
        self,
        move_day: Callable[[date], date],
        move: Callable[[datetime], datetime],
        now: datetime,
    ) -> DateRange:
        """The range somewhere else; where this one is unfinished, so is that."""
        if self.since is not None and self.until is not None:
            return DateRange.between(
                move(self.since.astimezone(self.zone)),
                move(self.until.astimezone(self.zone)),
                self.zone,
            )
        until = None
        if self.starts_at <= now < self.ends_at:
            local = now.astimezone(self.zone)
            until = datetime.combine(move_day(local.date()), local.time(), self.zone)
        return DateRange(
            first_day=move_day(self.first_day),
            end_day=move_day(self.end_day),
            zone=self.zone,
            until=until,
        )

    def offsets(self) -> list[tuple[datetime | None, int]]:
        """How many seconds clocks are ahead of UTC, one after the other, and until when each.

        An end is an instant in UTC (naive); None for the last, which goes on.
        """
        return _offsets(self.first_day, self.end_day, self.zone)

    def beside(self, steps: int) -> DateRange:
        """Return as many whole days right before (steps = -1) or right after (1) these.

        A whole month is beside whole months.
        """
        first, end = self.first_day, self.end_day
        if first.day == 1 and end == next_month(first):
            first = end if steps > 0 else first_of_month(first - DAY)
            end = next_month(first)
        else:
            first, end = first + steps * self.days * DAY, end + steps * self.days * DAY
        return DateRange(first_day=first, end_day=end, zone=self.zone)

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

    def buckets(self, interval: Interval, week_begins: int = 1) -> list[Bucket]:
        """Every bucket that meets the range, in order, also those in which nothing happened.

        The first week or month may begin before the range; the range alone is counted in it. Weeks
        begin on that day, 1 for Monday.
        """
        buckets = self._all_buckets(interval, week_begins)
        return [bucket for bucket in buckets if self._meets(bucket)]

    def _meets(self, bucket: Bucket) -> bool:
        # Of two times of one zone Python compares what the clock showed, twice an hour in autumn.
        starts_at, ends_at = bucket.starts_at.astimezone(UTC), bucket.ends_at.astimezone(UTC)
        begun = self.until is None or starts_at < self.until
        return begun and (self.since is None or ends_at > self.since)

    def _all_buckets(self, interval: Interval, week_begins: int) -> list[Bucket]:
        if interval in _CLOCK:
            return list(self._clock(_CLOCK[interval]))
        step = _STEPS[interval]
        buckets = []
        day = self.first_day
        if interval is Interval.WEEK:
            day -= (day.isoweekday() - week_begins) % 7 * DAY
        elif interval is Interval.MONTH:
            day = first_of_month(day)
        while day < self.end_day:
            following = step(day)
            buckets.append(Bucket(day, midnight(day, self.zone), midnight(following, self.zone)))
            day = following
        return buckets

    def _clock(self, width: timedelta) -> Iterator[Bucket]:
        """Hours or minutes as they pass, from local midnight on: 23 or 25 hours at times."""
        for offset in range(self.days):
            day = self.first_day + offset * DAY
            start = midnight(day, self.zone).astimezone(UTC)
            end = midnight(day + DAY, self.zone).astimezone(UTC)
            while start < end:
                following = min(start + width, end)
                yield Bucket(
                    start.replace(tzinfo=None),
                    start.astimezone(self.zone),
                    following.astimezone(self.zone),
                )
                start = following


@lru_cache(maxsize=64)
def _offsets(first_day: date, end_day: date, zone: ZoneInfo) -> list[tuple[datetime | None, int]]:
    found: list[tuple[datetime | None, int]] = []
    start = midnight(first_day, zone).astimezone(UTC)
    for number in range((end_day - first_day).days):
        end = midnight(first_day + (number + 1) * DAY, zone).astimezone(UTC)
        if _offset(start, zone) != _offset(end, zone):
            before = _offset(start, zone)
            until, after = start, end
            while after - until > SECOND:
                middle = until + (after - until) // 2
                until, after = (
                    (middle, after) if _offset(middle, zone) == before else (until, middle)
                )
            found.append((after.replace(microsecond=0, tzinfo=None), before))
        start = end
    return [*found, (None, _offset(start, zone))]


def _offset(instant: datetime, zone: ZoneInfo) -> int:
    local = instant.astimezone(zone).replace(tzinfo=UTC)
    return round((local - instant).total_seconds())


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which `day` begins in `zone`."""
    return datetime.combine(day, time.min, zone)


def first_of_month(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after the day's."""
    return first_of_month(day.replace(day=28) + 4 * DAY)


def _year_before(day: _Day) -> _Day:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year - 1, day=28)


#: Buckets of a fixed width in time.
_CLOCK: Final = {Interval.MINUTE: MINUTE, Interval.HOUR: HOUR}
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
    for _month in range(11):
        first = first_of_month(first - DAY)
    return first, today + DAY


PRESETS: Final[dict[str, Preset]] = {
    preset.name: preset
    for preset in (
        Preset("day", _("Today"), _last_days(1)),
        Preset("yesterday", _("Yesterday"), lambda today: (today - DAY, today)),
        Preset("7d", _("Last 7 days"), _last_days(7)),
        Preset("28d", _("Last 28 days"), _last_days(28)),
        Preset("30d", _("Last 30 days"), _last_days(30)),
        Preset("91d", _("Last 91 days"), _last_days(91)),
        Preset("month", _("This month"), lambda today: (first_of_month(today), today + DAY)),
        Preset("last_month", _("Last month"), _last_month),
        Preset("year", _("This year"), lambda today: (date(today.year, 1, 1), today + DAY)),
        Preset("12mo", _("Last 12 months"), _twelve_months),
    )
}


def format_days(first: date, last: date) -> str:
    """Return days as people read them: "4 Mar 2026", "1 Mar 2026 – 4 Mar 2026"."""
    return write_day(first) + ("" if first == last else f" – {write_day(last)}")


def today_in(zone: ZoneInfo, now: datetime) -> date:
    """The day that `now` falls on in `zone`."""
    return now.astimezone(zone).date()


def preset_range(name: str, zone: ZoneInfo, now: datetime) -> DateRange:
    """The days of a preset, seen from `now`. Raises KeyError for a name that is none."""
    first_day, end_day = PRESETS[name].days(today_in(zone, now))
    return DateRange(first_day=first_day, end_day=end_day, zone=zone)
