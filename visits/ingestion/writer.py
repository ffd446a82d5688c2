"""Joins hits to visits and stores both, in one transaction for a group of hits."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Final

from django.db import IntegrityError, connection, transaction

from sites.models import Site
from visits.changes import Change, note_changes
from visits.daily import Counts, add_to_counts
from visits.ingestion.addresses import shorten_address
from visits.ingestion.hit import Device, Drop, DropReason, Hit, Origin, Place, SentHit
from visits.joining import ENGAGEMENT, VISIT_GAP, join_visits, reaches, take_event
from visits.models import VISIT_FACTS, Event, Visit
from visits.rows import (
    DECIDED_FIELDS,
    ENDING_FIELDS,
    EVENT_FIELDS,
    GROWING_FIELDS,
    VISIT_FIELDS,
    Adapter,
    Row,
    insert_rows,
    read_event_ids,
    read_visits,
    reserve_visit_ids,
    update_rows,
)
from visits.turns import MAX_WAIT_SECONDS, StoreBusyError, Turn, turn_to_write


@dataclass(frozen=True, slots=True)
class Stored:
    """The verdict on a hit that is on disk, now or, for a repeated id, since before."""

    visit_id: int | None


@dataclass(slots=True, eq=False)
class OpenVisit:
    """A visit that takes events, on its way between the database and it; see GrowingVisit."""

    site_id: int
    latest_visitor: int
    started_at: datetime
    started_on: date
    last_event_at: datetime
    pageviews: int = 0
    interactive_events: int = 0
    entry_page: str = ""
    entry_page_at: datetime | None = None
    exit_page: str = ""
    exit_page_at: datetime | None = None
    #: None: not stored yet.
    id: int | None = None
    is_changed: bool = False
    #: The hit that decides the visit's facts, where that is one of this group.
    begins_with: Hit | None = None
    #: `beginning` as it is stored.
    stored_beginning: tuple[object, ...] = ()

    @property
    def beginning(self) -> tuple[object, ...]:
        """What few events change; the rest of GROWING_FIELDS that they do goes with it."""
        return (self.latest_visitor, self.started_at, self.entry_page_at)


@dataclass(slots=True, eq=False)
class _NewEvent:
    """A hit that becomes an event of a visit."""

    hit: Hit
    visit: OpenVisit
    happened_on: date


def store_group(
    hits: Sequence[Hit],
    counts: Counts | None = None,
    *,
    patient: bool = False,
    until: float | None = None,
    turn: Turn | None = None,
) -> list[Stored | Drop]:
    """Store the hits, each in the visit it belongs to, and return their verdicts in order.

    Commits once, before it returns, and adds `counts` in the same transaction, with what it drops
    itself. A hit joins the visit of its visitor that it is within 30 minutes of, joins two into
    one when it stands between them, or starts one; engagement starts none. A hit whose event id
    the site already has is not stored again. Writers in other processes that have hits of the
    same visitors wait for this one, so that two hits of one visitor at the same instant make one
    visit. Raises StoreBusyError when it is not ready to commit at `until`, or its `turn`, where one
    is given, came too late, and django.db.Error when the store cannot take the group; nothing of it
    is stored then. `patient` says how to wait, as `turn_to_write` has it.
    """
    counts = counts if counts is not None else Counter()
    if not hits and not counts:
        return []
    until = time.monotonic() + MAX_WAIT_SECONDS if until is None else until
    turn = turn or Turn(by=until)
    with turn_to_write(patient=patient, until=turn.by):
        try:
            return _store(hits, counts, turn, until)
        except IntegrityError:
            # Another process stored one of the event ids meanwhile; this time it is seen.
            return _store(hits, counts, turn, until)


def _store(hits: Sequence[Hit], counts: Counts, turn: Turn, until: float) -> list[Stored | Drop]:
    with transaction.atomic():
        _wait_for_other_writers(hits, until if turn.has_come else turn.by)
        turn.take()
        group = _Group(hits)
        taken = [group.take(hit) for hit in hits]
        group.save()
        dropped: Counts = Counter(
            (hit.known_site.id, hit.happened_on, verdict.reason.value)
            for hit, verdict in zip(hits, taken, strict=True)
            if isinstance(verdict, Drop)
        )
        add_to_counts(counts + dropped)
        if time.monotonic() > until:
            # Their senders were told to come again: they must not be stored twice.
            raise StoreBusyError("The group took too long.")
    return [_with_visit(verdict) for verdict in taken]


@dataclass(frozen=True, slots=True)
class _Taken:
    """A hit's place in its group; its event's visit gets an id when the group is saved."""

    event: _NewEvent | None


def _with_visit(verdict: _Taken | Drop) -> Stored | Drop:
    if isinstance(verdict, Drop):
        return verdict
    return Stored(verdict.event.visit.id if verdict.event else None)


class _Group:
    """The visits and events of one transaction, read before and written after its hits."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        #: Visits by site and by the visitor's id on the day on which they were last seen.
        self.visits: dict[tuple[int, int], list[OpenVisit]] = {}
        self.started: list[OpenVisit] = []
        self.events: list[_NewEvent] = []
        #: Stored visits that became part of another.
        self.parts: list[tuple[OpenVisit, int]] = []
        self.seen: set[tuple[int, str]] = set()
        if hits:
            self._read(hits)

    def take(self, hit: Hit) -> _Taken | Drop:
        """Join the hit to a visit, in memory."""
        sent, site_id, at = hit.sent, hit.known_site.id, hit.happened_at
        if sent.event_id and (site_id, sent.event_id) in self.seen:
            return _Taken(None)
        on = hit.happened_on
        visitor = hit.known_visitor.id
        visit = self._visit_of(hit)
        if visit is None:
            if sent.name == ENGAGEMENT:
                return Drop(DropReason.NO_VISIT)
            visit = OpenVisit(site_id, visitor, at, on, at, begins_with=hit)
            self.started.append(visit)
        elif at < visit.started_at:
            visit.begins_with = hit
        if at >= visit.last_event_at:
            visit.latest_visitor = visitor
        take_event(
            visit, name=sent.name, page=hit.page.path, at=at, on=on, interactive=sent.interactive
        )
        visit.is_changed = True
        self._know(visit)
        event = _NewEvent(hit, visit, on)
        self.events.append(event)
        if sent.event_id:
            self.seen.add((site_id, sent.event_id))
        return _Taken(event)

    def save(self) -> None:
        """Write what changed, with a number of statements that does not depend on the hits."""
        to = Adapter()
        known = {id(visit): visit for visits in self.visits.values() for visit in visits}.values()
        grown = [visit for visit in known if visit.id is not None and visit.is_changed]
        for pk, visit in zip(reserve_visit_ids(len(self.started)), self.started, strict=True):
            visit.id = pk
        insert_rows(
            Visit,
            VISIT_FIELDS,
            [(v.id, v.site_id, *_grown(v, to), *_decided(v, to)) for v in self.started],
        )
        longer = [visit for visit in grown if visit.beginning == visit.stored_beginning]
        other = [visit for visit in grown if visit.beginning != visit.stored_beginning]
        # SQLite writes each index anew that has a field which is set, be it to what it was.
        update_rows(Visit, ENDING_FIELDS, [(*_ended(v, to), v.id) for v in longer])
        update_rows(Visit, GROWING_FIELDS, [(*_grown(v, to), v.id) for v in other])
        anew = [visit for visit in grown if visit.begins_with]
        update_rows(Visit, DECIDED_FIELDS, [(*_decided(v, to), v.id) for v in anew])
        for whole, part in self.parts:
            Event.objects.filter(visit=part).update(visit=whole.id)
            Visit.objects.filter(pk=part).delete()
        insert_rows(Event, EVENT_FIELDS, [_event_row(event, to) for event in self.events])
        note_changes(_changes(self.started, is_new=True) + _changes(grown))

    def _read(self, hits: Sequence[Hit]) -> None:
        keys = {(hit.known_site.id, visitor) for hit in hits for visitor in hit.known_visitor.ids}
        times = [hit.happened_at for hit in hits]
        rows = read_visits(
            ("site", *GROWING_FIELDS, "id"),
            sorted(keys),
            since=min(times) - VISIT_GAP,
            until=max(times) + VISIT_GAP,
        )
        for row in rows:
            visit = OpenVisit(*row)
            visit.stored_beginning = visit.beginning
            self._know(visit)
        event_ids = {(hit.known_site.id, hit.sent.event_id) for hit in hits if hit.sent.event_id}
        self.seen.update(read_event_ids(sorted(event_ids)))

    def _know(self, visit: OpenVisit) -> None:
        """Let the group's next hits find the visit."""
        known = self.visits.setdefault((visit.site_id, visit.latest_visitor), [])
        if visit not in known:
            known.append(visit)

    def _visit_of(self, hit: Hit) -> OpenVisit | None:
        """Return the visit that the hit is within 30 minutes of, None when there is none.

        Several become one first: with this hit between them, no gap is over 30 minutes.
        """
        site_id, at = hit.known_site.id, hit.happened_at
        reaching: list[OpenVisit] = []
        for visitor in hit.known_visitor.ids:
            for visit in self.visits.get((site_id, visitor), ()):
                if reaches(visit, at) and visit not in reaching:
                    reaching.append(visit)
        if len(reaching) < 2:
            return reaching[0] if reaching else None
        whole, *parts = sorted(reaching, key=lambda visit: visit.started_at)
        for part in parts:
            self._join(whole, part)
        return whole

    def _join(self, whole: OpenVisit, part: OpenVisit) -> None:
        join_visits(whole, part)
        self._know(whole)
        for known in self.visits.values():
            known[:] = [visit for visit in known if visit is not part]
        for event in self.events:
            if event.visit is part:
                event.visit = whole
        # What was joined to the part before goes on to the whole.
        self.parts = [(whole if other is part else other, gone) for other, gone in self.parts]
        if part.id is None:
            self.started.remove(part)
        else:
            self.parts.append((whole, part.id))


def _changes(visits: Sequence[OpenVisit], *, is_new: bool = False) -> list[Change]:
    return [
        Change(visit.id, visit.site_id, visit.started_on, is_new)
        for visit in visits
        if visit.id is not None
    ]


def _grown(visit: OpenVisit, to: Adapter) -> Row:
    """Return the values of GROWING_FIELDS."""
    return (
        visit.latest_visitor,
        to.time(visit.started_at),
        to.day(visit.started_on),
        to.time(visit.last_event_at),
        visit.pageviews,
        visit.interactive_events,
        visit.entry_page,
        to.time(visit.entry_page_at),
        visit.exit_page,
        to.time(visit.exit_page_at),
    )


def _ended(visit: OpenVisit, to: Adapter) -> Row:
    """Return the values of ENDING_FIELDS."""
    return (
        to.time(visit.last_event_at),
        visit.pageviews,
        visit.interactive_events,
        visit.exit_page,
        to.time(visit.exit_page_at),
    )


def _decided(visit: OpenVisit, to: Adapter) -> Row:
    """Return the values of DECIDED_FIELDS, from the hit that the visit begins with."""
    hit = visit.begins_with
    assert hit is not None, "only for visits that begin in this group"  # noqa: S101
    return (
        hit.known_visitor.id,
        hit.page.hostname,
        to.address(_kept_address(hit)),
        *facts_of(hit),
    )


def _event_row(event: _NewEvent, to: Adapter) -> Row:
    """Return the values of EVENT_FIELDS."""
    hit, visit = event.hit, event.visit
    sent = hit.sent
    return (
        visit.site_id,
        visit.id,
        sent.name,
        to.time(hit.happened_at),
        to.day(event.happened_on),
        hit.page.hostname,
        hit.page.path,
        sent.title,
        sent.interactive,
        to.props(sent.props),
        to.amount(sent.revenue_amount),
        sent.revenue_currency,
        sent.engagement_ms,
        sent.scroll_depth,
        sent.event_id,
    )


# Which part of a hit holds a fact.
_PARTS: Final = {"origin": Origin, "device": Device, "place": Place, "sent": SentHit}
_FACT_PLACES: Final = [
    next(
        f"{part}.{name}" for part, kind in _PARTS.items() if name in {f.name for f in fields(kind)}
    )
    for name in VISIT_FACTS
]

#: The values of VISIT_FACTS that a hit decides.
facts_of: Final[Callable[[Hit], tuple[Any, ...]]] = attrgetter(*_FACT_PLACES)


def _kept_address(hit: Hit) -> str | None:
    kept = hit.known_site.address_kept
    if kept == Site.AddressKept.NONE or not hit.address:
        return None
    return hit.address if kept == Site.AddressKept.WHOLE else shorten_address(hit.address)


def _wait_for_other_writers(hits: Sequence[Hit], until: float) -> None:
    """Hold back other writers of the same visitors until this transaction ends.

    SQLite needs nothing: its transactions begin IMMEDIATE, one at a time. PostgreSQL takes a lock
    per visitor, of all days' ids, in one order so that two groups never wait for each other; for
    this and any other lock it waits until `until`.
    """
    if connection.vendor != "postgresql":
        return
    visitors = sorted({visitor for hit in hits for visitor in hit.known_visitor.ids})
    left_ms = max(1, int((until - time.monotonic()) * 1000))
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {left_ms:d}")
        cursor.execute(
            "SELECT pg_advisory_xact_lock(visitor) FROM unnest(%s::bigint[]) AS visitor",
            [visitors],
        )
