"""Visits on their way into the archive: what reports read is the same before and after."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from archive.archiver import archive_finished
from archive.compaction import compact
from archive.files import checksum, clean_up
from archive.folder import archive_folder
from archive.lists import ListChange
from archive.live import process_rows
from archive.models import ArchiveFile
from archive.pruning import prune_rows
from archive.upkeep import keep_up
from sites.models import Site
from visits.models import Event, LiveVisit, Visit
from visits.services import add_event, add_visit

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def ann(site: Site) -> Visit:
    """Ann reads two pages at noon and signs up."""
    visit = add_visit(site=site, visitor=1, started_at=NOON, source="Google", country="DE")
    add_event(visit=visit, page="/", happened_at=NOON, title="Home")
    add_event(visit=visit, page="/pricing", happened_at=NOON + MINUTE)
    add_event(
        visit=visit,
        name="signup",
        page="/pricing",
        happened_at=NOON + 2 * MINUTE,
        props={"plan": "free", "naïve": "yes"},
    )
    return visit


def read(site: Site, *columns: str) -> list[tuple[Any, ...]]:
    """Return columns of every event of the site as reports read them, in order of time."""
    names = ", ".join(columns or ("name", "page"))
    with process_rows().state(site.pk) as state:
        sql = f"SELECT {names} FROM {state.events()} ORDER BY happened_at, name, page"
        return state.engine.execute(sql).fetchall()


def archive(site: Site, at: datetime = NOON + DAY) -> int:
    return archive_finished(site.pk, at)


def files(site: Site) -> list[ArchiveFile]:
    return list(ArchiveFile.objects.for_site(site.pk).order_by("pk"))


def test_an_event_is_read_with_what_is_known_of_its_visit(ann: Visit, site: Site) -> None:
    columns = ["name", "page", "title", "source", "country", "entry_page", "exit_page", "bounced"]
    columns += ["engaged", "duration_us", "props", "started_on", "visitor"]
    facts = ("Google", "DE", "/", "/pricing", False, True, 120_000_000)
    day = date(2026, 3, 9)
    expected = [
        ("pageview", "/", "Home", *facts, {}, day, 1),
        ("pageview", "/pricing", "", *facts, {}, day, 1),
        ("signup", "/pricing", "", *facts, {"plan": "free", "naïve": "yes"}, day, 1),
    ]
    assert read(site, *columns) == expected

    archive(site)

    assert read(site, *columns) == expected
    assert not LiveVisit.objects.exists()


def test_the_archive_alone_has_it_when_rows_are_pruned(
    ann: Visit, site: Site, settings: Settings
) -> None:
    before = read(site)
    archive(site)
    settings.KEEP_ROWS_DAYS = 35

    assert prune_rows(site.pk, NOON + 34 * DAY) == 0
    assert prune_rows(site.pk, NOON + 36 * DAY) == 1

    assert not Event.objects.exists()
    assert read(site) == before


def test_rows_that_are_not_archived_are_never_pruned(ann: Visit, site: Site) -> None:
    assert prune_rows(site.pk, NOON + 1000 * DAY) == 0


def test_rows_stay_where_the_setting_is_zero(ann: Visit, site: Site, settings: Settings) -> None:
    settings.KEEP_ROWS_DAYS = 0
    archive(site)

    assert prune_rows(site.pk, NOON + 1000 * DAY) == 0
    assert Event.objects.count() == 3


def test_a_visit_that_may_still_grow_stays_live(ann: Visit, site: Site) -> None:
    assert archive(site, NOON + 2 * MINUTE + 35 * MINUTE) == 0
    assert archive(site, NOON + 2 * MINUTE + 36 * MINUTE) == 1


def test_an_archived_visit_that_grows_is_read_once(ann: Visit, site: Site) -> None:
    archive(site)
    assert len(read(site)) == 3  # this process knows the archived one

    add_event(visit=ann, page="/late", happened_at=NOON + 20 * MINUTE)

    assert [page for _, page in read(site)] == ["/", "/pricing", "/pricing", "/late"]


def test_an_archived_visit_that_grew_is_archived_anew(ann: Visit, site: Site) -> None:
    archive(site)
    add_event(visit=ann, page="/late", happened_at=NOON + 20 * MINUTE)

    archive(site)

    assert [file.rows for file in files(site)] == [4]
    assert [page for _, page in read(site)] == ["/", "/pricing", "/pricing", "/late"]


def test_others_in_the_file_stay_when_one_is_archived_anew(ann: Visit, site: Site) -> None:
    bob = add_visit(site=site, visitor=2, started_at=NOON)
    add_event(visit=bob, page="/bob", happened_at=NOON)
    archive(site)
    add_event(visit=ann, page="/late", happened_at=NOON + 20 * MINUTE)
    before = read(site)

    archive(site)

    assert sorted(file.rows for file in files(site)) == [1, 4]
    assert read(site) == before


def test_a_deleted_visit_is_out_of_reports_and_then_of_the_files(ann: Visit, site: Site) -> None:
    archive(site)

    ann.delete()
    assert read(site) == []

    archive(site)
    assert files(site) == []
    assert not LiveVisit.objects.exists()


def test_many_files_of_one_month_become_one(site: Site) -> None:
    for n in range(8):
        visit = add_visit(site=site, visitor=n, started_at=NOON + n * HOUR)
        add_event(visit=visit, page=f"/{n}", happened_at=NOON + n * HOUR)
        archive(site, NOON + (n + 1) * HOUR)
    before = read(site)

    assert compact(site.pk, NOON.date()) == 8

    assert [file.rows for file in files(site)] == [8]
    assert read(site) == before == [("pageview", f"/{n}") for n in range(8)]


@pytest.mark.parametrize(
    ("today", "merged"), [(date(2026, 3, 9), 0), (date(2026, 3, 31), 0), (date(2026, 4, 1), 2)]
)
def test_few_files_become_one_when_their_month_is_over(
    site: Site, today: date, merged: int
) -> None:
    for n in range(2):
        visit = add_visit(site=site, visitor=n, started_at=NOON)
        add_event(visit=visit, happened_at=NOON)
        archive(site)

    assert compact(site.pk, today) == merged


def test_a_file_is_what_its_row_says(ann: Visit, site: Site) -> None:
    archive(site)

    (file,) = files(site)
    assert (file.first_day, file.last_day, file.rows) == (date(2026, 3, 9), date(2026, 3, 9), 3)
    assert file.size_bytes == file.path.stat().st_size
    assert file.sha256 == checksum(file.path)


def test_a_file_is_told_from_others_by_its_name(ann: Visit, site: Site) -> None:
    """A database that is put back from a copy gives a row's number to another file."""
    archive(site)
    assert len(read(site)) == 3
    (first,) = files(site)
    add_event(visit=ann, page="/late", happened_at=NOON + 3 * MINUTE)
    archive(site, NOON + 2 * DAY)
    (second,) = files(site)
    name, number = second.name, first.pk

    second.delete()
    second.pk = number
    second.save()

    assert second.name == name != first.name
    assert len(read(site)) == 4


def test_files_that_no_longer_count_stay_for_their_readers(
    ann: Visit, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(site)
    add_event(visit=ann, page="/late", happened_at=NOON + 20 * MINUTE)
    archive(site)
    folder = archive_folder()
    assert len(list(folder.glob("*/*.parquet"))) == 2

    assert clean_up() == 0
    monkeypatch.setattr("archive.files.GRACE_SECONDS", 0.0)
    assert clean_up() == 1

    assert [path.relative_to(folder).as_posix() for path in folder.glob("*/*.parquet")] == [
        file.name for file in files(site)
    ]


def test_upkeep_does_all_of_it(ann: Visit, site: Site, other_site: Site) -> None:
    other = add_visit(site=other_site, visitor=1, started_at=NOON)
    add_event(visit=other, happened_at=NOON)

    done = keep_up(NOON + 40 * DAY)

    assert (done.archived_visits, done.pruned_visits) == (2, 2)
    assert (len(read(site)), len(read(other_site))) == (3, 1)


def test_a_site_takes_its_files_along(ann: Visit, site: Site) -> None:
    archive(site)

    site.delete()

    assert not ArchiveFile.objects.exists()


def test_files_stay_when_something_fails_after_their_commit(
    ann: Visit, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError("the disk is gone")

    before = read(site)
    monkeypatch.setattr("archive.lists.checkpoint", fail)
    with pytest.raises(OSError, match="gone"):
        archive(site)

    assert [file.path.exists() for file in files(site)] == [True]
    assert read(site) == before


@pytest.mark.django_db(transaction=True)
def test_a_visit_that_grows_while_it_is_archived_is_read_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = add_visit(site=site, visitor=1, started_at=NOON)
    add_event(visit=visit, page="/", happened_at=NOON)

    def commit_late(change: ListChange) -> None:
        add_event(visit=visit, page="/late", happened_at=NOON + MINUTE)
        read(site)  # a report that knows of it before the file counts
        ListChange.commit(change)

    with monkeypatch.context() as patch:
        late = type("Late", (ListChange,), {"commit": commit_late, "__slots__": ()})
        patch.setattr("archive.archiver.ListChange", late)
        archive(site)

    assert read(site) == [("pageview", "/"), ("pageview", "/late")]
