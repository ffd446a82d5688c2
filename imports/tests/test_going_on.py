"""An import that was killed is gone on with; what is imported is not imported again."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from unittest import mock

import pytest

from archive.archiver import archive_finished
from archive.compaction import compact
from archive.emptying import empty_site
from archive.files import clean_up
from archive.models import ArchiveFile
from archive.upkeep import keep_up
from imports import importer, spool
from imports.folder import spool_folder
from imports.giving_up import GIVEN_UP_AFTER, give_up, give_up_old
from imports.models import Import
from imports.tests.files import bring_in, line, stored, write
from sites.models import Site
from sites.services import add_site
from visits.models import DailyCount
from visits.tests.hits import DAY, HOUR, MINUTE, NOON
from visits.tests.processes import other_processes

#: Of the instants at which an import can be killed only every so manieth; 1: all.
EVERY: Final = int(os.environ.get("IMPORT_KILLS_EVERY", "7"))
#: More files than an import has instants.
FILES: Final = 400 // EVERY

HISTORY: Final = [
    line(n="engagement"),
    line(NOON + HOUR, id="a"),
    line(NOON + HOUR + MINUTE, n="engagement", e=700),
    line(NOON + HOUR + 2 * MINUTE, "bob", user_agent="curl/8.5.0"),
    line(NOON + HOUR + 3 * MINUTE, id="a"),
    line(NOON + HOUR + 4 * MINUTE),
    line(NOON + 40 * DAY, "bob"),
    line(at="soon"),
]


def counted(site: Site) -> set[tuple[Any, ...]]:
    rows = DailyCount.objects.filter(site=site)
    return set(rows.values_list("counted_on", "name", "count"))


@pytest.mark.django_db(transaction=True)
def test_a_kill_at_any_instant_loses_and_doubles_nothing(tmp_path: Path) -> None:
    sites = [add_site(domain=f"{number}.example") for number in range(FILES)]
    for number, site in enumerate(sites):
        write(tmp_path / str(number), [each | {"d": site.domain} for each in HISTORY])
    code = "from imports.tests.killing import kill_and_go_on\n"
    code += "kill_and_go_on(arguments[0], int(arguments[1]))"

    with other_processes(code, tmp_path, EVERY) as [process]:
        process.go()
        killed = int(process.finish(patience=600))

    assert killed > 70 // EVERY
    *interrupted, whole = sites[: killed + 1]
    columns = ("name", "happened_at", "duration_us", "bounced")
    for site in interrupted:
        assert stored(site, *columns) == stored(whole, *columns)
        assert counted(site) == counted(whole)
    assert len(stored(whole)) == 4
    assert Import.objects.filter(state=Import.State.FINISHED).count() == killed + 1
    bring_in(tmp_path / "0")  # cleans up behind those that were killed at their very end
    assert [path.name for path in spool_folder().iterdir()] == [".importing"]
    assert all(file.path.exists() for file in ArchiveFile.objects.all())


def test_goes_on_with_the_same_visitors(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "hits", [line(NOON + n * MINUTE) for n in range(6)])
    monkeypatch.setattr(spool, "PART_LINES", 2)
    with (
        mock.patch.object(importer, "read_tally", side_effect=OSError("full")),
        pytest.raises(OSError, match="full"),
    ):
        bring_in(path)
    assert not stored(site)

    imported = bring_in(path)

    assert imported.sites["example.com"].visits == 1
    assert imported.record.parts == 3
    assert Import.objects.count() == 1


def test_the_same_content_is_imported_once(site: Site, tmp_path: Path) -> None:
    lines = [line(), line(at="soon")]
    bring_in(write(tmp_path / "one", lines))

    again = bring_in(write(tmp_path / "by another name", lines))

    assert again.was_finished
    assert again.tally.refused == {"malformed": 1}
    assert len(stored(site)) == 1
    assert ("hits", 1) in {(name, count) for _, name, count in counted(site)}


def test_of_a_file_that_has_grown_only_the_new_lines_are_read(site: Site, tmp_path: Path) -> None:
    lines = [line(), line(at="soon")]
    bring_in(write(tmp_path / "hits", lines))

    grown = bring_in(write(tmp_path / "hits", [*lines, line(NOON + DAY), line(at="late")]))

    assert not grown.was_finished
    assert grown.tally.lines == 2
    assert [number for number, _ in grown.tally.examples] == [4]
    assert len(stored(site)) == 2
    assert bring_in(tmp_path / "hits").was_finished


def test_a_last_line_without_an_end_that_has_grown_is_no_new_one(
    site: Site, tmp_path: Path
) -> None:
    path = write(tmp_path / "hits", [line()])
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    bring_in(path)
    path.write_bytes(path.read_bytes() + b" \n")

    grown = bring_in(write(tmp_path / "more", [path.read_text().rstrip("\n"), line(NOON + DAY)]))

    assert grown.tally.known == 1
    assert len(stored(site)) == 2


def test_a_changed_file_is_another_one(site: Site, tmp_path: Path) -> None:
    bring_in(write(tmp_path / "hits", [line(t="one"), line(NOON + DAY)]))

    bring_in(write(tmp_path / "hits", [line(t="two"), line(NOON + DAY)]))

    assert len(stored(site)) == 4


def test_a_site_that_is_added_later_gets_its_hits(site: Site, tmp_path: Path) -> None:
    path = write(tmp_path / "hits", [line(), line(d="new.example"), line(NOON + DAY)])
    bring_in(path)
    new = add_site(domain="new.example")

    imported = bring_in(path)

    assert imported.tally.known == 2
    assert not imported.tally.refused
    assert (len(stored(site)), len(stored(new))) == (2, 1)
    assert bring_in(path).was_finished


def test_one_file_may_be_imported_for_one_site_after_the_other(
    site: Site, other_site: Site, tmp_path: Path
) -> None:
    path = write(tmp_path / "hits", [line(d=None), line(NOON + DAY, d=None)])

    for domain in ("example.com", "other.example", "example.com"):
        bring_in(path, domain=domain)

    assert (len(stored(site)), len(stored(other_site))) == (2, 2)


def test_a_site_that_was_emptied_can_be_filled_again(
    site: Site, other_site: Site, tmp_path: Path
) -> None:
    path = write(tmp_path / "hits", [line(id="a"), line(d="other.example")])
    bring_in(path)

    empty_site(site)
    imported = bring_in(path)

    assert (imported.tally.hits, imported.tally.known) == (1, 1)
    assert (len(stored(site)), len(stored(other_site))) == (1, 1)


@pytest.fixture
def begun(site: Site, tmp_path: Path) -> Path:
    """An import that has read everything, and stored nothing."""
    path = write(tmp_path / "begun", [line(), line(NOON + MINUTE)])
    with (
        mock.patch.object(importer, "store_site", side_effect=OSError("full")),
        pytest.raises(OSError, match="full"),
    ):
        bring_in(path)
    return path


def test_one_that_is_given_up_leaves_nothing(begun: Path, site: Site) -> None:
    assert give_up() == 1

    assert [path.name for path in spool_folder().iterdir()] == [".importing"]
    assert Import.objects.get().state == Import.State.GIVEN_UP
    assert len(bring_in(begun).record.sites.all()) == 1
    assert len(stored(site)) == 2


def test_the_upkeep_gives_up_what_has_made_no_progress_for_long(begun: Path) -> None:
    now = datetime.now(UTC)

    keep_up(now + GIVEN_UP_AFTER - HOUR)
    assert Import.objects.get().state == Import.State.GOING_ON
    keep_up(now + GIVEN_UP_AFTER + HOUR)

    assert Import.objects.get().state == Import.State.GIVEN_UP
    assert [path.name for path in spool_folder().iterdir()] == [".importing"]


def test_what_goes_on_is_not_given_up(begun: Path) -> None:
    from imports.folder import only_import

    with only_import():
        give_up_old(datetime.now(UTC) + timedelta(days=365))

    assert Import.objects.get().state == Import.State.GOING_ON


def test_the_archive_is_kept_up_as_ever(site: Site, tmp_path: Path) -> None:
    bring_in(write(tmp_path / "one", [line(NOON + n * DAY, id=str(n)) for n in range(9)]))
    bring_in(write(tmp_path / "two", [line(NOON + n * DAY) for n in range(9)]))

    assert archive_finished(site.pk, NOON + 400 * DAY) == 0
    assert compact(site.pk, (NOON + 400 * DAY).date()) == 2
    clean_up()

    assert len(stored(site)) == 18
    assert ArchiveFile.objects.ids().count() == 1
    assert bring_in(write(tmp_path / "three", [line(id="3")])).sites["example.com"].events == 0
