"""Rows of archived visits are deleted after some days: the archive has them."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef

from visits.bulk import BUSY_SECONDS, delete_rows
from visits.models import LiveVisit, Visit
from visits.turns import checkpoint, turn_to_write

#: Visits of one transaction: others wait for it.
BATCH_VISITS: Final = 2_000


def prune_rows(site_id: int, now: datetime) -> int:
    """Delete rows of archived visits that ended over KEEP_ROWS_DAYS ago; return of how many visits.

    No rows where the setting is 0. Live visits stay, however old.
    """
    if not settings.KEEP_ROWS_DAYS:
        return 0
    before = now - timedelta(days=settings.KEEP_ROWS_DAYS)
    live = LiveVisit.objects.filter(pk=OuterRef("pk"))
    old = Visit.objects.filter(site=site_id, started_at__lt=before, last_event_at__lt=before)
    return delete_archived(old.filter(~Exists(live)))


def delete_archived(visits: models.QuerySet[Visit]) -> int:
    """Delete the rows of visits that are not live, the oldest first; return of how many."""
    archived = visits.order_by("started_at").values_list("pk", flat=True)
    pruned = 0
    while True:
        with turn_to_write(patient=True, until=monotonic() + BUSY_SECONDS):
            with transaction.atomic():
                ids = list(archived.select_for_update(of=("self",))[:BATCH_VISITS])
                # Locked, a visit cannot become live any more before its rows are deleted. It may
                # have while the lock was waited for, which that statement does not see.
                live_now = _live(ids)
                delete_rows([pk for pk in ids if pk not in live_now])
            checkpoint()
        pruned += len(ids) - len(live_now)
        if len(ids) < BATCH_VISITS:
            return pruned


def _live(visit_ids: list[int]) -> set[int]:
    return set(LiveVisit.objects.filter(pk__in=visit_ids).values_list("pk", flat=True))
