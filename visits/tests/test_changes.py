"""What has changed is noted, by whichever way it changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from sites.models import Site
from visits.bulk import PastEvent, PastVisit, delete_visits, load_visits
from visits.changes import forget_visits, read_horizon
from visits.models import LiveVisit, RowsState, Visit
from visits.services import add_event, add_visit
from visits.tests.hits import Sender

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def live(site: Site) -> dict[int, tuple[bool, bool]]:
    """Return the site's live visits: whether the archive holds each, and whether it is gone."""
    rows = LiveVisit.objects.filter(site=site)
    return {row.visit_id: (row.is_archived, row.is_gone) for row in rows}


def departures(site: Site) -> int:
    return sum(RowsState.objects.filter(site=site).values_list("departures", flat=True))


def archive(visit: Visit) -> None:
    """Take the visit for archived, as the archiver does."""
    forget_visits(visit.site_id, [visit.pk])


def test_a_hit_makes_its_visit_live(site: Site, send: Sender) -> None:
    send()

    assert live(site) == {Visit.objects.get().pk: (False, False)}


def test_a_hit_of_an_archived_visit_makes_it_live_again(site: Site, send: Sender) -> None:
    send()
    visit = Visit.objects.get()
    archive(visit)
    assert live(site) == {}

    send()

    assert live(site) == {visit.pk: (True, False)}


def test_a_change_is_at_or_above_the_horizon_of_before(site: Site, send: Sender) -> None:
    send()
    horizon = read_horizon()

    send()

    assert [row.revision >= horizon for row in LiveVisit.objects.all()] == [True]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a test's transaction is one revision")
def test_what_is_below_the_horizon_has_been_seen(site: Site, send: Sender) -> None:
    send()

    assert LiveVisit.objects.get().revision < read_horizon()


def test_visits_of_programs_are_live(site: Site) -> None:
    visit = add_visit(site=site, visitor=1, started_at=NOON)
    archive(visit)

    add_event(visit=visit, happened_at=NOON)

    assert live(site) == {visit.pk: (True, False)}


def test_loaded_visits_are_live(site: Site) -> None:
    load_visits(site, [PastVisit(1, [PastEvent("pageview", NOON, "/")])])

    assert live(site) == {Visit.objects.get().pk: (False, False)}


def test_a_deleted_visit_that_was_never_archived_leaves_nothing(site: Site) -> None:
    visit = add_visit(site=site, visitor=1, started_at=NOON)

    visit.delete()

    assert live(site) == {}
    assert departures(site) == 1


def test_a_deleted_visit_of_the_archive_is_gone_from_it(site: Site) -> None:
    visit = add_visit(site=site, visitor=1, started_at=NOON)
    archive(visit)

    Visit.objects.filter(pk=visit.pk).delete()

    assert live(site) == {visit.pk: (True, True)}


def test_deleting_all_visits_notes_each(site: Site, other_site: Site) -> None:
    kept = add_visit(site=other_site, visitor=1, started_at=NOON)
    archived, fresh = (add_visit(site=site, visitor=n, started_at=NOON) for n in (1, 2))
    archive(archived)

    delete_visits(site)

    assert live(site) == {archived.pk: (True, True)}
    assert live(other_site) == {kept.pk: (False, False)}
    assert not Visit.objects.filter(pk=fresh.pk).exists()
