"""Which events an erasure is about, in the engine and in the database."""

from __future__ import annotations

from datetime import UTC
from typing import Final

from django.db import connection, models
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import RawSQL

from archive.engine import quote
from archive.models import Erasure
from visits.models import Event, Visit

Kind: Final = Erasure.Kind

#: Erasures that take events away; others change them.
TAKES_EVENTS: Final = frozenset({Kind.ALL, Kind.DAYS, Kind.PATH, Kind.USER})


def write_condition(erasure: Erasure) -> str:
    """Return whether an event of the engine is one that the erasure is about; never NULL."""
    until = erasure.requested_at.astimezone(UTC).replace(tzinfo=None)
    return f"coalesce(happened_at <= TIMESTAMP '{until}' AND {_write_named(erasure)}, false)"


def _write_named(erasure: Erasure) -> str:
    match erasure.kind:
        case Kind.DAYS:
            return f"happened_on BETWEEN DATE '{erasure.first_day}' AND DATE '{erasure.last_day}'"
        case Kind.PATH:
            return f"page = {quote(erasure.name)}"
        case Kind.PROPERTY if erasure.value is None:
            return f"map_contains(props, {quote(erasure.name)})"
        case Kind.PROPERTY:
            return f"props[{quote(erasure.name)}] = {quote(erasure.value)}"
        case Kind.USER:
            return f"visitor = {_visitor(erasure):d}"
    return "true"


def find_events(erasure: Erasure) -> models.QuerySet[Event]:
    """Return the rows of events that the erasure is about, in no order."""
    events = Event.objects.filter(site=erasure.site_id, happened_at__lte=erasure.requested_at)
    match erasure.kind:
        case Kind.DAYS:
            return events.filter(happened_on__range=(erasure.first_day, erasure.last_day))
        case Kind.PATH:
            return events.filter(page=erasure.name)
        case Kind.PROPERTY:
            return events.filter(_has_property(erasure))
        case Kind.USER:
            return events.filter(visit__visitor=_visitor(erasure))
    return events


def find_eventless(erasure: Erasure) -> models.QuerySet[Visit]:
    """Return visits that have no event and go with those that the erasure is about."""
    visits = Visit.objects.filter(
        ~Exists(Event.objects.filter(visit=OuterRef("pk"))),
        site=erasure.site_id,
        started_at__lte=erasure.requested_at,
    )
    match erasure.kind:
        case Kind.ALL:
            return visits
        case Kind.DAYS:
            return visits.filter(started_on__range=(erasure.first_day, erasure.last_day))
        case Kind.USER:
            return visits.filter(visitor=_visitor(erasure))
    return visits.none()


def days_named(erasure: Erasure) -> Q | None:
    """Return which counts of a day are of days that are erased whole; None: there are none."""
    match erasure.kind:
        case Kind.ALL:
            return Q(site=erasure.site_id)
        case Kind.DAYS:
            return Q(site=erasure.site_id, counted_on__range=(erasure.first_day, erasure.last_day))
    return None


def _visitor(erasure: Erasure) -> int:
    if erasure.visitor is None:
        raise ValueError("The erasure of a user names none.")
    return erasure.visitor


def _has_property(erasure: Erasure) -> RawSQL:
    """Whether an event has the property, by its very name: the ORM's lookups take it for a path."""
    column = f"{connection.ops.quote_name(Event._meta.db_table)}.props"
    parameters = [erasure.name] if erasure.value is None else [erasure.name, erasure.value]
    if connection.vendor == "postgresql":
        sql = f"jsonb_exists({column}, %s)"
        if erasure.value is not None:
            sql = f"{column} ->> %s = %s"
    else:
        wanted = "" if erasure.value is None else " AND value = %s"
        sql = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE key = %s{wanted})"
    # The names are ours, what is asked for goes as parameters.
    return RawSQL(sql, parameters, output_field=models.BooleanField())  # noqa: S611
