"""A site is emptied: rows and files, of this site alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from archive.archiver import archive_finished
from archive.emptying import empty_site, has_visits
from archive.live import process_rows
from archive.models import ArchiveFile
from archive.pruning import prune_rows
from sites.models import Site
from visits.bulk import Amount
from visits.models import LiveVisit, Visit
from visits.services import add_event, add_visit

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def count(site: Site) -> int:
    with process_rows().state(site.pk) as state:
        return int(state.engine.execute(f"SELECT count(*) FROM {state.events()}").fetchall()[0][0])


def add(site: Site, at: datetime) -> Visit:
    visit = add_visit(site=site, visitor=1, started_at=at)
    add_event(visit=visit, happened_at=at)
    return visit


def test_visits_go_wherever_they_are(site: Site, other_site: Site) -> None:
    for each in (site, other_site):
        add(each, NOON)
        archive_finished(each.pk, NOON + DAY)
        prune_rows(each.pk, NOON + 60 * DAY)
        changed = add(each, NOON + 60 * DAY)
        archive_finished(each.pk, NOON + 61 * DAY)
        add_event(visit=changed, happened_at=NOON + 60 * DAY)
        add(each, NOON + 70 * DAY)
    assert count(site) == 4

    assert empty_site(site) == Amount(2, 3)

    assert count(site) == 0
    assert not has_visits(site)
    assert not LiveVisit.objects.filter(site=site).exists()
    assert not ArchiveFile.objects.for_site(site.pk).exists()
    assert has_visits(other_site)
    assert count(other_site) == 4


def test_an_empty_site_is_emptied_in_vain(site: Site) -> None:
    assert empty_site(site) == Amount(0, 0)
    add(site, NOON)
    assert count(site) == 1
