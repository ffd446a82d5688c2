"""Whatever is wrong with the archive is mended from the rows, as far as there are any."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from archive.archiver import add_events, archive_finished, working_table
from archive.files import read_files
from archive.folder import archive_folder
from archive.lists import ListChange, ListChangedError
from archive.live import process_rows
from archive.models import ArchiveFile
from archive.pruning import prune_rows
from archive.rebuilding import EventsLostError, Rebuilt, rebuild
from archive.tests.test_verification import flip_a_bit, lose, shorten
from archive.upkeep import keep_up
from archive.verification import verify
from sites.models import Site
from visits.bulk import delete_rows
from visits.models import Event, LiveVisit, Visit
from visits.services import add_event, add_visit

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LATER = NOON + 100 * DAY


@pytest.fixture
def visits(site: Site) -> list[Visit]:
    """Two files: of one visit of the 9th, and of two visits of the 10th, all of two events."""
    made = []
    for n, begin in enumerate((NOON, NOON + DAY, NOON + DAY)):
        visit = add_visit(site=site, visitor=n, started_at=begin, source="Google")
        add_event(visit=visit, page="/", happened_at=begin, props={"plan": "free"})
        add_event(visit=visit, page=f"/{n}", happened_at=begin + 2 * MINUTE, title="Next")
        made.append(visit)
        if n != 1:
            archive_finished(site.pk, begin + DAY)
    return made


def files(site: Site) -> list[ArchiveFile]:
    return list(ArchiveFile.objects.for_site(site.pk).events().order_by("first_day", "pk"))


def read(site: Site) -> list[tuple[Any, ...]]:
    """Return every event of the site as reports read them, all of it."""
    with process_rows().state(site.pk) as state:
        sql = f"SELECT * FROM {state.events()} ORDER BY happened_at, visit_id, name, page"
        return state.engine.execute(sql).fetchall()


def prune(site: Site, settings: Settings, before: datetime) -> None:
    settings.KEEP_ROWS_DAYS = 1
    prune_rows(site.pk, before + DAY)


def test_changes_nothing_where_nothing_is_wrong(visits: list[Visit], site: Site) -> None:
    keep_up(LATER)
    before = list(ArchiveFile.objects.order_by("pk").values())

    assert rebuild(site, LATER) == Rebuilt(files=0, visits=0)

    assert list(ArchiveFile.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("damage", [lose, shorten, flip_a_bit])
def test_makes_the_same_file_anew_from_the_rows(
    visits: list[Visit], site: Site, damage: Callable[[ArchiveFile], None]
) -> None:
    before, checksums = read(site), [file.sha256 for file in files(site)]
    damage(files(site)[1])

    assert rebuild(site, LATER) == Rebuilt(files=1, visits=2)

    assert verify(site).sentences() == []
    assert read(site) == before
    assert [file.sha256 for file in files(site)] == checksums


def test_the_same_events_make_the_same_file_in_whatever_order_they_came(
    site: Site, other_site: Site
) -> None:
    """Events of one moment, name and page differ by their properties alone."""
    visit = add_visit(site=site, visitor=1, started_at=NOON)
    for plan in ("b", "a", "c"):
        add_event(visit=visit, name="signup", happened_at=NOON, props={"plan": plan})
    archive_finished(site.pk, LATER)
    checksums = [file.sha256 for file in files(site)]
    lose(files(site)[0])
    events = list(Event.objects.order_by("-pk"))
    Event.objects.all().delete()
    for event in events:
        event.pk = None
    Event.objects.bulk_create(events)

    rebuild(site, LATER)

    assert [file.sha256 for file in files(site)] == checksums


def test_pruned_visits_stay_as_the_files_have_them(
    visits: list[Visit], site: Site, settings: Settings
) -> None:
    before = read(site)
    prune(site, settings, NOON + DAY)
    assert Visit.objects.count() == 2
    flip_a_bit(files(site)[1])

    assert rebuild(site, LATER) == Rebuilt(files=1, visits=2)

    assert verify(site).sentences() == []
    assert read(site) == before


def test_does_nothing_where_events_would_be_lost(
    visits: list[Visit], site: Site, settings: Settings
) -> None:
    prune(site, settings, NOON + DAY)
    for file in files(site):
        lose(file)
    listed = files(site)

    with pytest.raises(EventsLostError) as caught:
        rebuild(site, LATER)

    assert str(caught.value) == (
        "2 of 6 events that damaged files had between 2026-03-09 and 2026-03-10 are in no rows any"
        " more."
    )
    assert files(site) == listed
    assert list(archive_folder().glob("*/*.parquet")) == []


def test_a_loss_that_is_accepted_leaves_the_rest(
    visits: list[Visit], site: Site, settings: Settings
) -> None:
    before = read(site)
    prune(site, settings, NOON + DAY)
    for file in files(site):
        lose(file)

    assert rebuild(site, LATER, accept_loss=True) == Rebuilt(files=2, visits=2)

    assert verify(site).sentences() == []
    assert read(site) == before[2:]


def test_a_visit_that_has_changed_since_is_read_from_its_rows(
    visits: list[Visit], site: Site
) -> None:
    add_event(visit=visits[0], page="/late", happened_at=NOON + 20 * MINUTE)
    before = read(site)
    lose(files(site)[0])

    with pytest.raises(EventsLostError, match="but for some of 1 visits that have changed since"):
        rebuild(site, LATER)
    rebuild(site, LATER, accept_loss=True)

    assert read(site) == before
    archive_finished(site.pk, LATER)
    assert verify(site).sentences() == []
    assert read(site) == before


def differ(visits: list[Visit]) -> None:
    """One event of the second visit is another than when it was archived."""
    Event.objects.filter(visit=visits[1], page="/").update(page="/other")


def double(visits: list[Visit]) -> None:
    """The first file is listed twice."""
    site = visits[0].site
    with working_table() as engine:
        change = ListChange(site_id=site.pk)
        add_events(engine, change, read_files(files(site)[:1]))
        change.commit()


def forget(visits: list[Visit]) -> None:
    """A visit is neither live nor archived."""
    visit = add_visit(site=visits[0].site, visitor=7, started_at=NOON)
    add_event(visit=visit, happened_at=NOON)
    LiveVisit.objects.all().delete()


def count_twice(visits: list[Visit]) -> None:
    """A visit is live, and in a file that nobody knows of."""
    add_event(visit=visits[1], page="/late", happened_at=NOON + DAY + 20 * MINUTE)
    LiveVisit.objects.update(is_archived=False)


def mislist(visits: list[Visit]) -> None:
    """Questions about the 10th would not open the file."""
    file = files(visits[0].site)[1]
    ArchiveFile.objects.filter(pk=file.pk).update(last_day=date(2026, 3, 8))


@pytest.mark.parametrize("spoil", [differ, double, forget, count_twice, mislist])
def test_what_is_wrong_is_right_after(
    visits: list[Visit], site: Site, spoil: Callable[[list[Visit]], None]
) -> None:
    spoil(visits)
    assert verify(site).sentences() != []

    rebuild(site, LATER)

    assert verify(site).sentences() == []
    rows = {(event.visit_id, event.name, event.page) for event in Event.objects.all()}
    with process_rows().state(site.pk) as state:
        sql = f"SELECT visit_id, name, page FROM {state.events()}"
        stands = state.engine.execute(sql).fetchall()
    assert len(stands) == Event.objects.count()
    assert set(stands) == rows


def test_a_live_visit_without_rows_is_what_the_files_have_of_it(
    visits: list[Visit], site: Site
) -> None:
    before = read(site)
    add_event(visit=visits[0], page="/late", happened_at=NOON + 20 * MINUTE)
    delete_rows([visits[0].pk])
    assert read(site) == before[2:]

    rebuild(site, LATER)

    assert verify(site).sentences() == []
    assert read(site) == before


def test_of_a_pruned_visit_in_two_files_one_copy_stays(
    visits: list[Visit], site: Site, settings: Settings
) -> None:
    before = read(site)
    prune(site, settings, NOON + DAY)
    double(visits)

    rebuild(site, LATER)

    assert verify(site).sentences() == []
    assert read(site) == before


@pytest.mark.parametrize("damage", [lose, shorten, flip_a_bit])
def test_daily_figures_are_made_anew(
    visits: list[Visit], site: Site, damage: Callable[[ArchiveFile], None]
) -> None:
    keep_up(NOON + 4 * DAY)
    rollup = ArchiveFile.objects.rollups().get()
    damage(rollup)

    assert rebuild(site, NOON + 4 * DAY).files == 1

    assert verify(site).sentences() == []
    assert ArchiveFile.objects.rollups().get().sha256 == rollup.sha256


def test_files_and_their_daily_figures_are_mended_at_once(visits: list[Visit], site: Site) -> None:
    keep_up(NOON + 4 * DAY)
    for file in ArchiveFile.objects.all():
        lose(file)

    rebuild(site, NOON + 4 * DAY)

    assert verify(site).sentences() == []
    assert verify(site).compared_days == 4


def test_a_change_that_fails_leaves_no_draft(
    visits: list[Visit], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(files(site)[1])

    def fail(change: ListChange) -> None:
        raise ListChangedError("Another process has changed these files.")

    monkeypatch.setattr(ListChange, "_write", fail)
    with pytest.raises(ListChangedError):
        rebuild(site, LATER)

    assert len(list(archive_folder().glob("*/*.parquet"))) == 1


def test_the_command_says_what_it_made(visits: list[Visit], site: Site, other_site: Site) -> None:
    lose(files(site)[1])
    output = io.StringIO()

    call_command("rebuild_archive", stdout=output)

    assert output.getvalue() == (
        "example.com: wrong files: 1; visits written from their rows: 2.\n"
        "other.example: wrong files: 0; visits written from their rows: 0.\n"
    )


def test_the_command_fails_where_events_would_be_lost(
    visits: list[Visit], site: Site, settings: Settings
) -> None:
    prune(site, settings, LATER)
    lose(files(site)[0])
    output = io.StringIO()

    with pytest.raises(CommandError, match="from a backup"):
        call_command("rebuild_archive", stdout=output)

    assert output.getvalue() == (
        "example.com: 2 of 2 events that damaged files had between 2026-03-09 and 2026-03-09 are in"
        " no rows any more. Nothing was changed.\n"
    )
    call_command("rebuild_archive", "--accept-loss", stdout=output)
    assert verify(site).sentences() == []
