"""Rows that are deleted are rows that the archive has, whoever writes at the same moment."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections, transaction
from pytest_django import Settings

from archive.archiver import archive_finished
from archive.live import process_rows
from archive.pruning import prune_rows
from sites.services import add_site
from visits.models import Event
from visits.services import add_event, add_visit

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def wait_until_somebody_waits() -> None:
    """Return when another connection waits for this one's transaction, as far as that is told."""
    if connection.vendor != "postgresql":
        time.sleep(0.2)
        return
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_a_visit_that_becomes_live_while_its_lock_is_waited_for_keeps_its_rows(
    settings: Settings,
) -> None:
    settings.KEEP_ROWS_DAYS = 35
    site = add_site(domain="example.com")
    visit = add_visit(site=site, visitor=1, started_at=NOON)
    add_event(visit=visit, page="/", happened_at=NOON)
    archive_finished(site.pk, NOON + DAY)

    def prune() -> int:
        try:
            return prune_rows(site.pk, NOON + 36 * DAY)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            add_event(visit=visit, page="/late", happened_at=NOON + 20 * MINUTE)
            pruned = pool.submit(prune)
            wait_until_somebody_waits()
        assert pruned.result(timeout=60) == 0

    assert Event.objects.count() == 2
    with process_rows().state(site.pk) as state:
        pages = state.engine.execute(f"SELECT page FROM {state.events()} ORDER BY 1").fetchall()
    assert pages == [("/",), ("/late",)]
