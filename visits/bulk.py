"""Loads and deletes many visits at once: those of a demo, of an export, of an access log.

Rows are made from the columns of the models and written past the ORM's objects, some ten times
as fast as `bulk_create`. Every transaction is small, so that a server that runs meanwhile can
take hits in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from time import monotonic
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from django.db import connection, transaction

from sites.models import Site
from visits.changes import Change, note_changes, note_deletions
from visits.joining import ENGAGEMENT, PAGEVIEW
from visits.models import VISIT_FACTS, Event, Visit
from visits.rows import (
    EVENT_FIELDS,
    VISIT_FIELDS,
    Adapter,
    Row,
    insert_rows,
    reserve_visit_ids,
)
from visits.turns import checkpoint, turn_to_write

#: Events of one transaction: SQLite, which has one writer, is held for well under a second.
BATCH_EVENTS: Final = 10_000
#: How long a batch waits for other writers.
BUSY_SECONDS: Final = 600.0

_NO_PROPS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_FACTS: Final[dict[str, Any]] = {name: getattr(Visit(), name) for name in VISIT_FACTS}


class PastEvent(NamedTuple):
    """An event that has happened; the fields are those of Event."""

    name: str
    happened_at: datetime
    page: str
    title: str = ""
    engagement_ms: int | None = None
    scroll_depth: int | None = None
    props: Mapping[str, str] = _NO_PROPS
    interactive: bool = True
    revenue_amount: Decimal | None = None
    revenue_currency: str = ""
    event_id: str = ""


class PastVisit(NamedTuple):
    """A visit that has happened: its events in order of time, and what its first one decided."""

    visitor: int
    events: Sequence[PastEvent]
    #: Any of VISIT_FACTS; what is left out is stored empty.
    facts: Mapping[str, Any] = _NO_PROPS
    #: Of the visit and its events; empty: the site's domain.
    hostname: str = ""
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """How many visits and events."""

    visits: int = 0
    events: int = 0

    def __add__(self, other: Amount) -> Amount:
        """Return the sum of both."""
        return Amount(self.visits + other.visits, self.events + other.events)


def tell_nobody(amount: Amount) -> None:
    """Take an amount and do nothing."""


def load_visits(
    site: Site,
    visits: Iterable[PastVisit],
    *,
    batch_events: int = BATCH_EVENTS,
    tell: Callable[[Amount], None] = tell_nobody,
) -> Amount:
    """Store `visits` as they are and return how many visits and events that were.

    They are not joined to visits that the site has already. Each transaction takes about
    `batch_events` events, whole visits only; `tell` gets the amount of each after its commit.
    Raises ValueError for a visit without events and for a naive time, TypeError for a fact that a
    visit has not, django.db.Error when the store cannot take them; earlier batches stay stored.
    """
    batches = _Batches(site)
    stored = Amount()
    batch: list[PastVisit] = []
    waiting = 0
    for visit in visits:
        batch.append(visit)
        waiting += len(visit.events)
        if waiting >= batch_events:
            stored += batches.store(batch, tell)
            batch, waiting = [], 0
    return stored + batches.store(batch, tell) if batch else stored


def delete_visits(
    site: Site, *, batch_visits: int = 2_000, tell: Callable[[Amount], None] = tell_nobody
) -> Amount:
    """Delete all visits of `site` that have rows, with their events; return how many of both.

    What the archive alone holds stays; see `archive.emptying`. Each transaction takes
    `batch_visits` visits; `tell` gets the amount of each after its commit.
    """
    deleted = Amount()
    oldest = Visit.objects.for_site(site).order_by("pk").values_list("pk", "started_on")
    while visits := list(oldest[:batch_visits]):
        with turn_to_write(patient=True, until=monotonic() + BUSY_SECONDS):
            with transaction.atomic():
                batch = delete_rows([pk for pk, _ in visits])
                note_deletions(Change(pk, site.pk, started_on) for pk, started_on in visits)
            checkpoint()
        tell(batch)
        deleted += batch
    return deleted


def delete_rows(visit_ids: Sequence[int]) -> Amount:
    """Delete the rows of visits and of their events, and return how many; notes no change."""
    events = Event.objects.filter(visit__in=visit_ids)
    visits = Visit.objects.filter(pk__in=visit_ids)
    # Past the collector, which would fetch every visit.
    events_deleted = events._raw_delete(events.db)
    return Amount(visits._raw_delete(visits.db), events_deleted)


_STARTED_ON: Final = VISIT_FIELDS.index("started_on")
_NAME, _AT, _ON, _PAGE, _INTERACTIVE = (
    EVENT_FIELDS.index(name)
    for name in ("name", "happened_at", "happened_on", "page", "interactive")
)


class _Batches:
    """Turns visits into rows, in the very form in which the ORM stores them, and writes them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.days = SiteDays(site)
        self.to = Adapter()

    def store(self, visits: Sequence[PastVisit], tell: Callable[[Amount], None]) -> Amount:
        """Write the visits and their events in one transaction."""
        visit_rows: list[Row] = []
        event_rows: list[Row] = []
        for pk, visit in zip(reserve_visit_ids(len(visits)), visits, strict=True):
            if not visit.events:
                raise ValueError("A visit has at least one event.")
            rows = self._event_rows(pk, visit)
            visit_rows.append(self._visit_row(pk, visit, rows))
            event_rows += rows
        with turn_to_write(patient=True, until=monotonic() + BUSY_SECONDS):
            with transaction.atomic():
                insert_rows(Visit, VISIT_FIELDS, visit_rows)
                insert_rows(Event, EVENT_FIELDS, event_rows)
                note_changes(Change(r[0], r[1], r[_STARTED_ON], is_new=True) for r in visit_rows)
            checkpoint()
        amount = Amount(len(visit_rows), len(event_rows))
        tell(amount)
        return amount

    def _visit_row(self, pk: int, visit: PastVisit, rows: Sequence[Row]) -> Row:
        """Return what Visit.take() makes of the events, which are in order of time."""
        facts = {**_NO_FACTS, **visit.facts}
        if len(facts) > len(_NO_FACTS):
            raise TypeError(f"A visit has no {', '.join(sorted(facts.keys() - _NO_FACTS.keys()))}.")
        views = [row for row in rows if row[_NAME] == PAGEVIEW]
        entry, exit_ = (views[0], views[-1]) if views else (None, None)
        return (
            pk,
            self.site.pk,
            visit.visitor,
            rows[0][_AT],
            rows[0][_ON],
            rows[-1][_AT],
            len(views),
            sum(row[_INTERACTIVE] and row[_NAME] not in {PAGEVIEW, ENGAGEMENT} for row in rows),
            entry[_PAGE] if entry else "",
            entry[_AT] if entry else None,
            exit_[_PAGE] if exit_ else "",
            exit_[_AT] if exit_ else None,
            visit.visitor,
            visit.hostname or self.site.domain,
            self.to.address(visit.address),
            *facts.values(),
        )

    def _event_rows(self, pk: int, visit: PastVisit) -> list[Row]:
        site, hostname = self.site.pk, visit.hostname or self.site.domain
        to, day_of = self.to, self.days.day_of
        return [
            (
                site,
                pk,
                name,
                to.time(at),
                day_of(at),
                hostname,
                page,
                title,
                interactive,
                to.props(props),
                to.amount(amount),
                currency,
                engagement_ms,
                scroll_depth,
                event_id,
            )
            for (
                name, at, page, title, engagement_ms, scroll_depth, props,
                interactive, amount, currency, event_id,
            ) in visit.events
        ]  # fmt: skip


class SiteDays:
    """The site's day of a time, as it is stored; quick for times that follow each other."""

    def __init__(self, site: Site) -> None:
        self.zone = site.zone
        self.stored: Any = None
        self.start = self.end = datetime.min.replace(tzinfo=UTC)

    def day_of(self, at: datetime) -> Any:
        """Return the day in the form of the database. Raises ValueError for a naive time."""
        if at.tzinfo is None:
            raise ValueError("Give the time with its zone.")
        if not self.start <= at < self.end:
            day = at.astimezone(self.zone).date()
            self.stored = connection.ops.adapt_datefield_value(day)
            self.start = self._midnight(day).astimezone(at.tzinfo)
            self.end = self._midnight(day + timedelta(days=1)).astimezone(at.tzinfo)
        return self.stored

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self.zone)
