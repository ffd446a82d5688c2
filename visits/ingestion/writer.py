"""Joins hits to visits and stores both, in one transaction for a group of hits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.db import OperationalError, connection, transaction

from sites.models import Site
from visits.ingestion.addresses import shorten_address
from visits.ingestion.hit import Drop, DropReason, Hit
from visits.models import ENGAGEMENT, VISIT_FACTS, Event, Visit


@dataclass(frozen=True, slots=True)
class Stored:
    """The verdict on a hit that is on disk, now or, for a repeated id, since before."""

    visit_id: int | None


#: How long a hit waits for its turn before its sender is told to come again.
MAX_WAIT_SECONDS: Final = 0.8

_writing: Final = threading.Lock()

# What a later event may change of its visit.
_GROWING = (
    "latest_visitor",
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


def store_group(hits: Sequence[Hit]) -> list[Stored | Drop]:
    """Store the hits, each in the visit it belongs to, and return their verdicts in order.

    Commits once, before it returns. A hit joins its visitor's open visit, or starts one;
    engagement starts none. A hit whose event id the site already has is not stored again. Writers
    in other processes that have hits of the same visitors wait for this one, so that two hits of
    one visitor at the same instant make one visit. Raises django.db.Error when the store cannot
    take the group; nothing of it is stored then.
    """
    if not hits:
        return []
    with _turn_to_write(), transaction.atomic():
        _wait_for_other_writers(hits)
        group = _Group(hits)
        verdicts = [group.take(hit) for hit in hits]
        group.save()
    return [_with_visit(verdict) for verdict in verdicts]


@dataclass(frozen=True, slots=True)
class _Taken:
    """A hit's place in its group: the visit gets its id when the group is saved."""

    visit: Visit | None


def _with_visit(verdict: _Taken | Drop) -> Stored | Drop:
    if isinstance(verdict, Drop):
        return verdict
    return Stored(verdict.visit.pk if verdict.visit else None)


class _Group:
    """The visits and events of one transaction, read before and written after its hits."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        sites = {hit.known_site.pk for hit in hits}
        visitors = {visitor for hit in hits for visitor in hit.known_visitor.ids}
        times = [hit.received_at for hit in hits]
        event_ids = {hit.sent.event_id for hit in hits if hit.sent.event_id}
        self.visits: dict[tuple[int, int], list[Visit]] = {}
        reaching = Visit.objects.reaching(min(times), max(times))
        for visit in reaching.filter(site__in=sites, latest_visitor__in=visitors):
            self._know(visit)
        self.seen: set[tuple[int, str]] = set()
        if event_ids:
            self.seen.update(
                Event.objects.filter(site__in=sites, event_id__in=event_ids).values_list(
                    "site_id", "event_id"
                )
            )
        self.events: list[Event] = []
        self.changed: dict[int, Visit] = {}

    def take(self, hit: Hit) -> _Taken | Drop:
        """Add one hit's event to its visit."""
        site = hit.known_site
        if hit.sent.event_id and (site.pk, hit.sent.event_id) in self.seen:
            return _Taken(None)
        visit = self._open_visit(hit)
        if visit is None:
            if hit.sent.name == ENGAGEMENT:
                return Drop(DropReason.NO_VISIT)
            visit = _start_visit(hit)
            self._know(visit)
        if hit.received_at > visit.last_event_at:
            visit.latest_visitor = hit.known_visitor.id
            self._know(visit)
        event = _make_event(hit, visit)
        visit.take(event)
        self.events.append(event)
        self.changed[id(visit)] = visit
        if hit.sent.event_id:
            self.seen.add((site.pk, hit.sent.event_id))
        return _Taken(visit)

    def save(self) -> None:
        """Write new visits, grown visits and events, each with one statement."""
        started = [visit for visit in self.changed.values() if visit.pk is None]
        grown = [visit for visit in self.changed.values() if visit.pk is not None]
        Visit.objects.bulk_create(started)
        Visit.objects.bulk_update(grown, _GROWING)
        for event in self.events:
            event.visit_id = event.visit.pk
        Event.objects.bulk_create(self.events)

    def _know(self, visit: Visit) -> None:
        """Let the group's next hits find the visit."""
        known = self.visits.setdefault((visit.site_id, visit.latest_visitor), [])
        if visit not in known:
            known.append(visit)

    def _open_visit(self, hit: Hit) -> Visit | None:
        at = hit.received_at
        reaching = [
            visit
            for visitor in hit.known_visitor.ids
            for visit in self.visits.get((hit.known_site.pk, visitor), ())
            if visit.reaches(at)
        ]
        return max(reaching, key=lambda visit: visit.last_event_at, default=None)


def _start_visit(hit: Hit) -> Visit:
    visit = Visit(
        site=hit.known_site,
        visitor=hit.known_visitor.id,
        latest_visitor=hit.known_visitor.id,
        started_at=hit.received_at,
        started_on=hit.happened_on,
        last_event_at=hit.received_at,
        hostname=hit.page.hostname,
        address=_kept_address(hit),
        screen_width=hit.sent.screen_width,
        language=hit.sent.language,
    )
    for part in (hit.origin, hit.device, hit.place):
        for name in part.__dataclass_fields__:
            if name in VISIT_FACTS:
                setattr(visit, name, getattr(part, name))
    return visit


def _kept_address(hit: Hit) -> str | None:
    kept = hit.known_site.address_kept
    if kept == Site.AddressKept.NONE or not hit.address:
        return None
    return hit.address if kept == Site.AddressKept.WHOLE else shorten_address(hit.address)


def _make_event(hit: Hit, visit: Visit) -> Event:
    sent = hit.sent
    return Event(
        site=hit.known_site,
        visit=visit,
        name=sent.name,
        happened_at=hit.received_at,
        happened_on=hit.happened_on,
        hostname=hit.page.hostname,
        page=hit.page.path,
        title=sent.title,
        interactive=sent.interactive,
        props=sent.props,
        revenue_amount=sent.revenue_amount,
        revenue_currency=sent.revenue_currency,
        engagement_ms=sent.engagement_ms,
        scroll_depth=sent.scroll_depth,
        event_id=sent.event_id,
    )


class StoreBusyError(OperationalError):
    """Others have been writing for longer than a hit may wait."""


@contextmanager
def _turn_to_write() -> Iterator[None]:
    """Wait for the turn to write, at most MAX_WAIT_SECONDS; raise StoreBusyError after that.

    SQLite has one writer. The threads of this process queue for it here, in order, and not in
    SQLite, which would have them ask again and again, the unlucky ones for seconds; other processes
    are then waited for with what is left of the time. PostgreSQL has many writers.
    """
    if connection.vendor != "sqlite":
        yield
        return
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    if not _writing.acquire(timeout=MAX_WAIT_SECONDS):
        raise StoreBusyError("This process has too many hits to write.")
    try:
        with connection.cursor() as cursor:
            (usual_ms,) = cursor.execute("PRAGMA busy_timeout").fetchone()
            left_ms = max(1, int((deadline - time.monotonic()) * 1000))
            cursor.execute(f"PRAGMA busy_timeout = {left_ms:d}")
            try:
                yield
            finally:
                cursor.execute(f"PRAGMA busy_timeout = {usual_ms:d}")
    finally:
        _writing.release()


def _wait_for_other_writers(hits: Sequence[Hit]) -> None:
    """Hold back other writers of the same visitors until this transaction ends.

    SQLite needs nothing: its transactions begin IMMEDIATE, one at a time. PostgreSQL takes a lock
    per visitor, of both days' ids, in one order so that two groups never wait for each other.
    """
    if connection.vendor != "postgresql":
        return
    visitors = sorted({visitor for hit in hits for visitor in hit.known_visitor.ids})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(visitor) FROM unnest(%s::bigint[]) AS visitor",
            [visitors],
        )
