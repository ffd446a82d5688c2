"""Erasing from the rows of the database, in small transactions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from time import monotonic
from typing import Final

from django.db import models, transaction

from archive.erasure.conditions import (
    TAKES_EVENTS,
    days_named,
    find_eventless,
    find_events,
)
from archive.models import Erasure
from visits.bulk import BUSY_SECONDS, delete_rows
from visits.changes import Change, note_changes, note_deletions
from visits.models import DailyCount, Event, LiveVisit, Visit, WatchedHit
from visits.recounting import hold_visits, recount_visits
from visits.rows import Adapter, update_rows
from visits.turns import checkpoint, turn_to_write

#: Visits of one transaction: others wait for it.
BATCH_VISITS: Final = 1_000


def erase_rows(erasure: Erasure) -> None:
    """Erase from the rows what the erasure names.

    A visit that the archive holds as it stands is changed in silence: reports read the archive,
    where the same is erased. Others are noted, so that readers take them anew.
    """
    while _erase_once(erasure):
        pass  # until a look finds nothing: visits may have become one meanwhile
    # Whatever is erased: they are few, of the last minutes, and shown to staff alone.
    WatchedHit.objects.filter(site=erasure.site_id).delete()
    named = days_named(erasure)
    if named is not None:
        DailyCount.objects.filter(named).delete()


def _erase_once(erasure: Erasure) -> bool:
    """Go through all visits once, in order; return whether any had some of it."""
    found = False
    last = 0
    while ids := _next_visits(erasure, last):
        _in_turn(erasure, ids)
        last, found = ids[-1], True
    while ids := list(find_eventless(erasure).values_list("pk", flat=True)[:BATCH_VISITS]):
        _in_turn(erasure, ids)
    return found


def _next_visits(erasure: Erasure, last: int) -> list[int]:
    ids = find_events(erasure).filter(visit__gt=last).order_by("visit_id")
    return list(ids.values_list("visit_id", flat=True).distinct()[:BATCH_VISITS])


def _in_turn(erasure: Erasure, visit_ids: Sequence[int]) -> None:
    with turn_to_write(patient=True, until=monotonic() + BUSY_SECONDS):
        with transaction.atomic():
            visits = hold_visits(visit_ids)
            events = find_events(erasure).filter(visit__in=visits)
            gone: list[int] = []
            if erasure.kind in TAKES_EVENTS:
                _delete(events)
                gone = recount_visits(visits)
                delete_rows(gone)
            else:
                _remove_property(erasure.name, events)
            _note(visits.values(), gone)
        checkpoint()


def _delete(events: models.QuerySet[Event]) -> None:
    ids = list(events.values_list("pk", flat=True))
    chosen = Event.objects.filter(pk__in=ids)
    chosen._raw_delete(chosen.db)  # past the collector, which would fetch every event


def _remove_property(name: str, events: models.QuerySet[Event]) -> None:
    to = Adapter()
    rows = []
    for pk, props in events.values_list("pk", "props"):
        del props[name]
        rows.append((to.props(props), pk))
    update_rows(Event, ("props",), rows)


def _note(visits: Iterable[Visit], gone: Collection[int]) -> None:
    """Note those that are live, by the day on which they began: figures of it are others now."""
    changes = {visit.pk: Change(visit.pk, visit.site_id, visit.started_on) for visit in visits}
    live = LiveVisit.objects.filter(pk__in=changes).values_list("pk", flat=True)
    changed = [changes[pk] for pk in live]
    note_changes(change for change in changed if change.visit_id not in gone)
    note_deletions(change for change in changed if change.visit_id in gone)
