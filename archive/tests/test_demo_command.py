"""`manage.py seed_demo`: one site is filled, and filled again; no other is touched."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from archive.archiver import archive_finished
from archive.live import process_rows
from archive.models import ArchiveFile
from archive.pruning import prune_rows
from sites.models import Site
from visits.joining import VISIT_GAP
from visits.models import Event, LiveVisit, Visit
from visits.services import add_event, add_visit

END = datetime(2026, 11, 22, 17, 31, tzinfo=UTC)


def seed(**options: object) -> str:
    """Run the command in small and return what it says."""
    stdout = io.StringIO()
    ordinary = {"events": 1500, "end": END, "stdout": stdout, "stderr": io.StringIO()}
    call_command("seed_demo", **(ordinary | options))
    return stdout.getvalue()


@pytest.mark.django_db
def test_adds_the_demo_site() -> None:
    said = seed()

    demo = Site.objects.get()
    assert (demo.domain, demo.name, demo.timezone) == (
        "demo.example.com",
        "Demo site",
        "Europe/Berlin",
    )
    assert Event.objects.for_site(demo).count() == 1500
    assert f"Made 1,500 events in {Visit.objects.count():,} visits" in said
    assert "/reports/demo.example.com/" in said


@pytest.mark.django_db
def test_visits_are_what_their_events_make_of_them() -> None:
    seed()

    for visit in Visit.objects.prefetch_related("events"):
        events = sorted(visit.events.all(), key=lambda event: event.happened_at)
        fresh = Visit(
            started_at=events[0].happened_at,
            started_on=events[0].happened_on,
            last_event_at=events[0].happened_at,
        )
        for event in events:
            assert event.happened_at - fresh.last_event_at <= VISIT_GAP
            assert event.site_id == visit.site_id
            assert event.hostname == visit.hostname
            fresh.take(event)
        for name in (
            "started_at",
            "started_on",
            "last_event_at",
            "pageviews",
            "interactive_events",
            "entry_page",
            "entry_page_at",
            "exit_page",
            "exit_page_at",
        ):
            assert getattr(visit, name) == getattr(fresh, name), name


@pytest.mark.django_db
def test_each_event_keeps_the_site_s_day() -> None:
    seed()

    zone = Site.objects.get().zone
    for event in Event.objects.all():
        assert event.happened_on == event.happened_at.astimezone(zone).date()


@pytest.mark.django_db
def test_ranges_of_the_orm_find_the_events() -> None:
    seed()

    times = list(Event.objects.values_list("happened_at", flat=True))
    start, end = END - timedelta(days=100), END - timedelta(days=50)
    inside = sum(start <= at < end for at in times)
    assert Event.objects.filter(happened_at__gte=start, happened_at__lt=end).count() == inside > 0


def test_running_again_replaces_the_visits_of_the_demo_only(site: Site) -> None:
    kept = add_visit(site=site, visitor=1)
    seed()
    demo = Site.objects.get(domain="demo.example.com")

    said = seed(events=300)

    assert "Replacing the visits that demo.example.com has." in said
    assert Site.objects.get(domain="demo.example.com") == demo
    assert Event.objects.count() == 300
    assert Visit.objects.for_site(site).get() == kept


@pytest.mark.django_db
def test_its_visits_are_archived_and_rolled_up() -> None:
    said = seed()

    demo = Site.objects.get()
    visits = Visit.objects.count()
    assert f"Archived {visits:,} visits, rolled up" in said
    assert not LiveVisit.objects.exists()
    assert sum(ArchiveFile.objects.events().values_list("rows", flat=True)) == 1500
    assert ArchiveFile.objects.for_site(demo.pk).rollups().exists()


@pytest.mark.django_db
def test_running_again_replaces_visits_that_the_archive_alone_holds() -> None:
    seed()
    demo = Site.objects.get()
    prune_rows(demo.pk, END + timedelta(days=400))
    assert not Visit.objects.exists()

    seed(events=300)

    with process_rows().state(demo.pk) as state:
        [(count,)] = state.engine.execute(f"SELECT count(*) FROM {state.events()}").fetchall()
    assert count == 300


def test_visits_of_a_real_site_s_archive_are_not_replaced(site: Site) -> None:
    add_event(visit=add_visit(site=site, visitor=1, started_at=END), happened_at=END)
    archive_finished(site.pk, END + timedelta(days=1))
    prune_rows(site.pk, END + timedelta(days=400))
    assert not Visit.objects.exists()

    with pytest.raises(CommandError, match=r"example\.com has visits that are not a demo's"):
        seed(site="example.com")


@pytest.mark.django_db
def test_the_same_seed_and_end_store_the_same() -> None:
    def stored() -> list[tuple[object, ...]]:
        rows = Event.objects.order_by("visit", "happened_at", "name")
        return list(rows.values_list("visit__visitor", "name", "happened_at", "page", "props"))

    seed()
    first = stored()
    seed()
    assert stored() == first
    seed(seed=2)
    assert stored() != first


def test_a_real_site_s_visits_are_not_replaced(site: Site) -> None:
    add_visit(site=site, visitor=1)

    with pytest.raises(CommandError, match=r"example\.com has visits that are not a demo's"):
        seed(site="example.com")

    assert Visit.objects.count() == 1


def test_an_empty_site_becomes_a_demo(site: Site) -> None:
    seed(site="example.com", events=50)
    seed(site="example.com", events=60)

    assert Event.objects.for_site(site).count() == 60


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--events", "0"], "must be 1 or more"),
        (["--days", "-3"], "must be 1 or more"),
        (["--end", "2026-11-22"], "must be a time such as"),
        (["--site", "not a domain"], "--site not a domain: Enter a domain"),
    ],
)
def test_says_what_is_wrong(options: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("seed_demo", *options)
