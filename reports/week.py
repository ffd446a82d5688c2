"""When people come: the hours of a week, and how many visitors there were in each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import ngettext

from reports.dates import DAY, DateRange
from reports.dimensions import HOUR_OF_DAY, WEEKDAY
from reports.formats import format_brief, format_figure
from reports.metrics import VISITORS
from reports.queries import ReportQuery, Row

#: How strongly the hours with most visitors are coloured; those with none are 0.
STRENGTHS: Final = 6
HOURS: Final = range(24)
DAYS_OF_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of a weekday: what it says in brief and in full, and how strong its colour is."""

    brief: str
    text: str
    strength: int


@dataclass(frozen=True, slots=True)
class Weekday:
    """One of the seven, with its hours from midnight on."""

    short_name: str
    name: str
    hours: list[Hour]


def ask_of_week(question: ReportQuery) -> ReportQuery:
    """Return the question whose rows `draw_week` wants."""
    return replace(
        question, metrics=(VISITORS,), dimensions=(WEEKDAY, HOUR_OF_DAY), order_by=(), limit=None
    )


def draw_week(
    rows: Iterable[Row], days: DateRange, today: date, week_begins: int = 1
) -> list[Weekday]:
    """Return the seven days of a week, with the visitors of all such days; 1 begins on Monday.

    Colours are by how many there were on such a day, of those that have come, on average: a month
    has more Mondays than Tuesdays at times.
    """
    visitors = {row.dimensions: row.figures[VISITORS.name] for row in rows}
    last = min(days.last_day, today)
    come = Counter(
        (days.first_day + n * DAY).isoweekday() for n in range((last - days.first_day).days + 1)
    )
    means = {place: count / max(1, come[place[0]]) for place, count in visitors.items()}
    greatest = max(means.values(), default=0)
    return [
        Weekday(
            short_name=str(WEEKDAYS_ABBR[weekday - 1]),
            name=str(WEEKDAYS[weekday - 1]),
            hours=[
                _draw_hour(
                    f"{WEEKDAYS[weekday - 1]} {hour}:00",
                    visitors.get((weekday, hour), 0),
                    means.get((weekday, hour), 0) / greatest if greatest else 0,
                )
                for hour in HOURS
            ],
        )
        for weekday in ((week_begins - 1 + n) % DAYS_OF_WEEK + 1 for n in range(DAYS_OF_WEEK))
    ]


def _draw_hour(when: str, visitors: int, part: float) -> Hour:
    count = format_figure(visitors, VISITORS.unit)
    said = ngettext("{when}, {count} visitor", "{when}, {count} visitors", visitors)
    return Hour(
        brief=format_brief(visitors),
        text=said.format(when=when, count=count),
        strength=min(STRENGTHS, 1 + int(part * STRENGTHS)) if visitors else 0,
    )
