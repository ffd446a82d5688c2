"""The range of a question: a name such as `30d`, two days, or two times."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from reports.dates import DAY, EARLIEST_DAY, LATEST_DAY, DateRange, today_in
from reports.reading.values import QuestionError, quote, read_array, read_text
from sites.models import Site

_DAYS: Final = re.compile(r"([1-9][0-9]{0,3})d", re.ASCII)
_MONTHS: Final = re.compile(r"([1-9][0-9]{0,2})mo", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asker:
    """What a question is read against: the site, the time, and the day of the site's first hit."""

    site: Site
    now: datetime
    first_day: date

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return self.site.zone

    @property
    def today(self) -> date:
        """The site's day."""
        return today_in(self.zone, self.now)


def read_range(value: object, place: str, asker: Asker, *, trim: bool = False) -> DateRange:
    """Return the range that a name, two days or two times tell.

    `trim` ends one that is named at this moment. Raises QuestionError.
    """
    if isinstance(value, str):
        days = _named_range(value, place, asker)
        return replace(days, until=asker.now) if trim else days
    pair = read_array(value, place)
    if len(pair) != 2:
        raise QuestionError(
            place, 'Give two days or two times, such as ["2026-03-01", "2026-03-31"].'
        )
    places = (f"{place}/0", f"{place}/1")
    first, last = map(read_text, pair, places)
    if _DATE.fullmatch(first) and _DATE.fullmatch(last):
        return _days(_day(first, places[0]), _day(last, places[1]), place, asker)
    return _times(_time(first, places[0], asker), _time(last, places[1], asker), place, asker)


def _named_range(name: str, place: str, asker: Asker) -> DateRange:
    """The range of a name, up to today; those in days are whole days, up to yesterday."""
    today, month = asker.today, asker.today.replace(day=1)
    if name == "24h":
        return DateRange.between(asker.now - DAY, asker.now, asker.zone)
    if days := _DAYS.fullmatch(name):
        return _days(today - int(days[1]) * DAY, today - DAY, place, asker)
    if months := _MONTHS.fullmatch(name):
        back = month.year * 12 + month.month - int(months[1])
        return _days(date(back // 12, back % 12 + 1, 1), today, place, asker)
    first_days = {
        "day": today,
        "month": month,
        "year": month.replace(month=1),
        "all": min(asker.first_day, today),
    }
    if name not in first_days:
        raise QuestionError(
            place,
            f"There is no range {quote(name)}; take day, 24h, 7d, 28d, 30d, 91d, month, 6mo,"
            " 12mo, year, all, two days or two times.",
        )
    return _days(first_days[name], today, place, asker)


def _days(first: date, last: date, place: str, asker: Asker) -> DateRange:
    if first > last:
        raise QuestionError(place, f"{first} is after {last}: exchange the two.")
    if first < EARLIEST_DAY or last >= LATEST_DAY:
        raise QuestionError(place, f"Reports reach from {EARLIEST_DAY} to {LATEST_DAY - DAY}.")
    return DateRange(first_day=first, end_day=last + DAY, zone=asker.zone)


def _times(first: datetime, last: datetime, place: str, asker: Asker) -> DateRange:
    """The range between two times; the last one's second belongs to it."""
    if first > last:
        raise QuestionError(place, "The first time is after the last: exchange the two.")
    days = _days(today_in(asker.zone, first), today_in(asker.zone, last), place, asker)
    until = last.replace(microsecond=0) + timedelta(seconds=1)
    return replace(days, since=first, until=until)


def _day(text: str, place: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise QuestionError(place, f"{quote(text)} is no day; write 2026-03-31.") from None


def _time(text: str, place: str, asker: Asker) -> datetime:
    """The time; without an offset it is the site's."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        sentence = f"{quote(text)} is no time; write 2026-03-31T12:00:00+02:00."
        raise QuestionError(place, sentence) from None
    if not 1 < at.year < 9999:  # where no zone leads out of the calendar
        raise QuestionError(place, f"Reports reach from {EARLIEST_DAY} to {LATEST_DAY - DAY}.")
    return at if at.tzinfo is not None else at.replace(tzinfo=asker.zone)
