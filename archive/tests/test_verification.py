"""Verifying the archive finds whatever is wrong with it, and nothing where nothing is."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from pytest_django import Settings

from archive.archiver import add_events, archive_finished, working_table
from archive.erasure.plan import make_plan
from archive.erasure.requests import note, of_path
from archive.erasure.rows import erase_rows
from archive.files import read_files
from archive.folder import change_archive
from archive.lists import ListChange
from archive.models import ArchiveFile, Erasure
from archive.upkeep import keep_up
from archive.verification import BATCH_VISITS, verify
from sites.models import Site
from visits.bulk import delete_rows
from visits.models import Event, LiveVisit, Visit
from visits.services import add_event, add_visit

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def visits(site: Site) -> list[Visit]:
    """Three visits of two pageviews, a day apart, in a file each; the last goes over midnight."""
    made = []
    for n, begin in enumerate((NOON, NOON + DAY, NOON + 2 * DAY + 719 * MINUTE)):
        visit = add_visit(site=site, visitor=n, started_at=begin, source="Google")
        add_event(visit=visit, page="/", happened_at=begin, props={"plan": "free"})
        add_event(visit=visit, page=f"/{n}", happened_at=begin + 2 * MINUTE, title="Next")
        made.append(visit)
        archive_finished(site.pk, begin + DAY)
    return made


@pytest.fixture
def rolled_up(visits: list[Visit]) -> list[Visit]:
    """The same visits, with the daily figures of five days."""
    keep_up(NOON + 5 * DAY)
    return visits


def files(site: Site) -> list[ArchiveFile]:
    return list(ArchiveFile.objects.for_site(site.pk).events().order_by("pk"))


def rollup(site: Site) -> ArchiveFile:
    return ArchiveFile.objects.for_site(site.pk).rollups().get()


def wrong(site: Site) -> list[str]:
    """Return the sentences, without the names of files, which are made by chance."""
    sentences = verify(site).sentences()
    for file in ArchiveFile.objects.all():
        kind = "file" if file.kind == ArchiveFile.Kind.EVENTS else "figures"
        sentences = [sentence.replace(file.name, kind) for sentence in sentences]
    return sentences


def run(*arguments: str) -> str:
    output = io.StringIO()
    call_command("verify_archive", *arguments, stdout=output)
    return output.getvalue()


def test_finds_nothing_where_nothing_is_wrong(rolled_up: list[Visit], site: Site) -> None:
    found = verify(site)

    assert found.sentences() == []
    assert found.summary() == (
        "3 files with 6 events of 3 visits; 3 visits compared with their rows, daily figures of"
        " 5 days with the events."
    )


def test_of_a_site_without_anything_there_is_nothing_to_compare(site: Site) -> None:
    assert verify(site).sentences() == []
    assert verify(site).visits == 0


def test_visits_that_are_live_are_compared_when_they_are_archived(
    visits: list[Visit], site: Site
) -> None:
    add_event(visit=visits[0], page="/late", happened_at=NOON + 20 * MINUTE)
    visits[1].delete()
    add_event(visit=add_visit(site=site, visitor=9, started_at=NOON), happened_at=NOON)

    found = verify(site)

    assert found.sentences() == []
    assert (found.visits, found.compared_visits) == (3, 1)


def test_what_was_pruned_is_in_the_files_alone(
    visits: list[Visit], site: Site, settings: Settings
) -> None:
    settings.KEEP_ROWS_DAYS = 1
    keep_up(NOON + 3 * DAY)

    found = verify(site)

    assert found.sentences() == []
    assert (found.visits, found.compared_visits) == (3, 1)


def lose(file: ArchiveFile) -> None:
    file.path.unlink()


def shorten(file: ArchiveFile) -> None:
    file.path.write_bytes(file.path.read_bytes()[:-1])


def flip_a_bit(file: ArchiveFile) -> None:
    content = bytearray(file.path.read_bytes())
    content[len(content) // 2] ^= 1
    file.path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lose, "is missing"),
        (shorten, "bytes, and was listed with"),
        (flip_a_bit, "is damaged: its SHA-256 is another than the listed one"),
    ],
)
def test_finds_a_file_that_is_not_the_listed_one(
    visits: list[Visit], site: Site, damage: Callable[[ArchiveFile], None], words: str
) -> None:
    damage(files(site)[0])

    of_the_file, of_its_visit = wrong(site)

    assert of_the_file.startswith("file ")
    assert words in of_the_file
    assert of_its_visit == f"1 visit is in no file, and not live either, such as {visits[0].pk}."


@pytest.mark.parametrize("damage", [lose, shorten, flip_a_bit])
def test_finds_daily_figures_that_are_not_the_listed_ones(
    rolled_up: list[Visit], site: Site, damage: Callable[[ArchiveFile], None]
) -> None:
    damage(rollup(site))

    (sentence,) = wrong(site)

    assert sentence.startswith("figures ")


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": 3},
        {"first_day": NOON.date() - DAY},
        {"last_day": NOON.date() + DAY},
        {"first_event_at": NOON - MINUTE},
        {"last_event_at": NOON + DAY},
    ],
)
def test_finds_a_list_that_tells_of_other_events(
    visits: list[Visit], site: Site, changes: dict[str, object]
) -> None:
    ArchiveFile.objects.filter(pk=files(site)[0].pk).update(**changes)

    assert wrong(site)[0] == "file has other events than its list tells."


@pytest.mark.parametrize(
    "change",
    [
        lambda visit: Visit.objects.filter(pk=visit.pk).update(source="Bing"),
        lambda visit: Visit.objects.filter(pk=visit.pk).update(pageviews=1),
        lambda visit: Event.objects.filter(visit=visit).update(page="/other"),
        lambda visit: Event.objects.filter(visit=visit).update(props={"plan": "paid"}),
        lambda visit: Event.objects.filter(visit=visit).update(revenue_amount="9.99"),
        lambda visit: Event.objects.filter(visit=visit).update(
            happened_at=F("happened_at") + timedelta(microseconds=1)
        ),
        lambda visit: Event.objects.filter(visit=visit, page="/").delete(),
        lambda visit: Event.objects.filter(visit=visit).delete(),
        lambda visit: Event.objects.bulk_create(
            [Event(site=visit.site, visit=visit, happened_at=NOON, happened_on=NOON.date())]
        ),
    ],
)
def test_finds_a_visit_whose_rows_were_changed_without_a_note(
    visits: list[Visit], site: Site, change: Callable[[Visit], object]
) -> None:
    change(visits[1])

    assert wrong(site) == [
        f"1 visit is other in the files than in their rows, such as {visits[1].pk}."
    ]


def test_finds_a_visit_in_two_files(visits: list[Visit], site: Site) -> None:
    with working_table() as engine:
        change = ListChange(site_id=site.pk)
        add_events(engine, change, read_files(files(site)[:1]))
        change.commit()

    assert f"1 visit is in more than one file, such as {visits[0].pk}." in wrong(site)


def test_finds_a_visit_that_reports_would_count_twice(visits: list[Visit], site: Site) -> None:
    add_event(visit=visits[2], page="/late", happened_at=visits[2].started_at + 5 * MINUTE)
    LiveVisit.objects.update(is_archived=False)

    assert wrong(site) == [
        f"1 visit is in a file, and live as if they were in none, such as {visits[2].pk}."
    ]


def test_finds_a_visit_that_is_neither_live_nor_archived(visits: list[Visit], site: Site) -> None:
    visit = add_visit(site=site, visitor=4, started_at=NOON)
    add_event(visit=visit, happened_at=NOON)
    LiveVisit.objects.all().delete()

    assert wrong(site) == [f"1 visit is in no file, and not live either, such as {visit.pk}."]


def test_finds_a_live_visit_whose_rows_are_gone(visits: list[Visit], site: Site) -> None:
    add_event(visit=visits[2], page="/late", happened_at=visits[2].started_at + 5 * MINUTE)
    delete_rows([visits[2].pk])

    assert wrong(site) == [f"1 visit is live, and without rows, such as {visits[2].pk}."]


def test_a_live_visit_that_was_deleted_is_no_fault(visits: list[Visit], site: Site) -> None:
    visits[2].delete()

    assert wrong(site) == []


def test_finds_daily_figures_that_events_do_not_make(rolled_up: list[Visit], site: Site) -> None:
    """A file of fewer days tells less than its row says: as if a day had been rolled up empty."""
    ArchiveFile.objects.filter(pk=rollup(site).pk).update(first_day=NOON.date() + DAY)

    assert wrong(site) == ["figures has other daily figures than the events make."]


@pytest.fixture
def half_erased(rolled_up: list[Visit], site: Site) -> Erasure:
    """An erasure that was stopped when the rows were rid of a page, and nothing else yet."""
    erasure = of_path(site, "/1")
    note(erasure, make_plan(erasure))
    erase_rows(erasure)
    return erasure


def test_finishes_an_erasure_first(half_erased: Erasure, site: Site) -> None:
    assert wrong(site) == []

    half_erased.refresh_from_db()
    assert half_erased.finished_at is not None


def test_tells_of_an_erasure_that_cannot_be_finished(half_erased: Erasure, site: Site) -> None:
    files(site)[1].path.unlink()

    assert wrong(site)[-1] == "Erasures that could not be finished: 1."


def test_compares_in_batches(
    visits: list[Visit], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BATCH_VISITS > 2
    monkeypatch.setattr("archive.verification.BATCH_VISITS", 2)
    Visit.objects.filter(pk=visits[2].pk).update(started_at=NOON, source="Bing")

    found = verify(site)

    assert found.compared_visits == 3
    assert found.named == {next(iter(found.faults)): [visits[2].pk]}


def test_names_a_few_of_many(visits: list[Visit], site: Site) -> None:
    for n in range(10):
        view = add_visit(site=site, visitor=n, started_at=NOON)
        add_event(visit=view, happened_at=NOON)
    LiveVisit.objects.all().delete()

    (sentence,) = wrong(site)

    assert sentence.startswith("10 visits are in no file")
    assert sentence.count(",") == 1 + 1 + 4


def test_the_command_says_what_it_compared(
    rolled_up: list[Visit], site: Site, other_site: Site
) -> None:
    assert run() == (
        "example.com: 3 files with 6 events of 3 visits; 3 visits compared with their rows, daily"
        " figures of 5 days with the events.\n"
        "other.example: 0 files with 0 events of 0 visits; 0 visits compared with their rows, daily"
        " figures of 0 days with the events.\n"
    )
    assert run("--site", "Other.Example").startswith("other.example: 0 files")


def test_the_command_fails_when_something_is_wrong(visits: list[Visit], site: Site) -> None:
    lose(files(site)[0])

    with pytest.raises(CommandError, match="rebuild_archive"):
        run()


def test_the_command_knows_no_other_site(visits: list[Visit]) -> None:
    with pytest.raises(CommandError, match=r"no site missing\.example"):
        run("--site", "missing.example")


def test_the_command_waits_for_whoever_changes_the_archive(visits: list[Visit]) -> None:
    with change_archive(), pytest.raises(CommandError, match="Try again"):
        run("--wait", "0")
