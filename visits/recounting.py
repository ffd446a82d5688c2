"""Figures of visits anew, when some of their events are gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import connection

from visits.joining import take_event
from visits.models import Event, Visit
from visits.rows import Adapter, update_rows

#: Visitors of one day have ids below this, and none below zero.
VISITOR_IDS: Final = 2**63

_FIELDS: Final = (
    "visitor",
    "started_at",
    "started_on",
    "last_event_at",
    "pageviews",
    "interactive_events",
    "entry_page",
    "entry_page_at",
    "exit_page",
    "exit_page_at",
)


@dataclass(slots=True)
class _Recount:
    """A visit as its events make it; see GrowingVisit."""

    visitor: int
    started_at: datetime
    started_on: date
    last_event_at: datetime
    latest_visitor: int = 0
    pageviews: int = 0
    interactive_events: int = 0
    entry_page: str = ""
    entry_page_at: datetime | None = None
    exit_page: str = ""
    exit_page_at: datetime | None = None


def hold_visits(visit_ids: Sequence[int]) -> dict[int, Visit]:
    """Return the visits by id, which nobody else changes until this transaction ends.

    SQLite needs nothing: it has one writer. PostgreSQL takes the locks that hits of their visitors
    take, in the same order, and those of the rows.
    """
    visits = Visit.objects.filter(pk__in=visit_ids).order_by("pk")
    if connection.vendor == "postgresql":
        visitors = sorted(set(visits.order_by().values_list("latest_visitor", flat=True)))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(visitor) FROM unnest(%s::bigint[]) AS visitor",
                [visitors],
            )
    return {visit.pk: visit for visit in visits.select_for_update()}


def recount_visits(visits: dict[int, Visit]) -> list[int]:
    """Let the visits be what their events make them, and return the ids of those without any.

    What the first event decided (source, place, device) stays as it was, also when that event is
    gone. A visit that now begins on a later day is of a visitor of that day. Notes no change.
    """
    recounts: dict[int, _Recount] = {}
    events = Event.objects.filter(visit__in=visits).order_by("pk")
    for visit_id, name, page, at, on, interactive in events.values_list(
        "visit_id", "name", "page", "happened_at", "happened_on", "interactive"
    ):
        if visit_id not in recounts:
            recounts[visit_id] = _Recount(visits[visit_id].visitor, at, on, at)
        take_event(recounts[visit_id], name=name, page=page, at=at, on=on, interactive=interactive)
    to = Adapter()
    update_rows(
        Visit, _FIELDS, [(*_values(visits[pk], new, to), pk) for pk, new in recounts.items()]
    )
    return [pk for pk in visits if pk not in recounts]


def move_visitor(visitor: int, days: int) -> int:
    """Return the id of a visit's visitor when it turns out to begin so many days later.

    A visitor is of one day, and a visit that begins on another is of another visitor. Users, whom
    the site identifies, are the same on all days.
    """
    return visitor if visitor < 0 else (visitor + days) % VISITOR_IDS


def _values(visit: Visit, new: _Recount, to: Adapter) -> tuple[Any, ...]:
    return (
        move_visitor(visit.visitor, (new.started_on - visit.started_on).days),
        to.time(new.started_at),
        to.day(new.started_on),
        to.time(new.last_event_at),
        new.pageviews,
        new.interactive_events,
        new.entry_page,
        to.time(new.entry_page_at),
        new.exit_page,
        to.time(new.exit_page_at),
    )
