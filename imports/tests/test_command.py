"""`manage.py import_events`: what is asked of it, and what it says."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command

from archive.folder import change_archive
from imports.folder import only_import, spool_folder
from imports.lines import Line
from imports.management.commands import import_events
from imports.models import Import
from imports.progress import ImportProgress
from imports.tests.files import line, stored, write
from sites.models import Site
from visits.tests.hits import DAY, HOUR, MINUTE, NOON


def run(*arguments: object, **options: Any) -> str:
    """Run the command and return what it says."""
    stdout = io.StringIO()
    call_command(
        "import_events", *map(str, arguments), stdout=stdout, stderr=io.StringIO(), **options
    )
    return stdout.getvalue()


@pytest.fixture
def path(site: Site, tmp_path: Path) -> Path:
    """A visit of two events; a bot, engagement with nothing, a repetition; four lines refused."""
    return write(
        tmp_path / "hits.jsonl",
        [
            line(id="a"),
            line(NOON + MINUTE, n="Signup", t="x" * 501),
            line(NOON + MINUTE, user_agent="curl/8.5.0"),
            line(NOON + DAY, n="engagement"),
            line(id="a"),
            line(u="", at="soon"),
            line(at="soon"),
            "{",
            line(d="new.example"),
        ],
    )


SAID = """\
9 lines read.
example.com: 2 events in 1 visits.
1 hits have an id that was stored before.
Dropped: bot 1, no_visit 1.
Cut to their limit: title 1.
Refused 4 lines: malformed 3, unknown_site 1.
Wrong fields: at 2, url 1, body 1.
  line 6: url: This field is required.; at: Send an ISO 8601 time with its zone, such as \
2026-01-31T12:00:00Z.
  line 7: at: Send an ISO 8601 time with its zone, such as 2026-01-31T12:00:00Z.
  line 8: body: Send one JSON object, in UTF-8.
  line 9: domain: No site has the domain new.example.
"""


def test_says_what_became_of_the_lines(path: Path) -> None:
    assert run(path) == SAID


def test_lines_that_were_refused_are_an_error_only_when_strict(path: Path, site: Site) -> None:
    with pytest.raises(CommandError, match="4 lines were refused"):
        run(path, "--strict")

    assert len(stored(site)) == 2


def test_says_that_a_content_is_imported_already(site: Site, tmp_path: Path) -> None:
    path = write(tmp_path / "hits", [line()])
    run(path)

    assert run(path) == (
        "This content is imported already; nothing was done. Of it were:\n"
        "1 lines read.\nexample.com: 1 events in 1 visits.\n"
    )
    assert len(stored(site)) == 1


def test_tells_of_the_first_refused_lines_only(site: Site, tmp_path: Path) -> None:
    said = run(write(tmp_path / "hits", ["{"] * 25)).splitlines()

    assert said[1] == "Refused 25 lines: malformed 25."
    assert said[-2:] == ["  line 20: body: Send one JSON object, in UTF-8.", "  and more"]


def test_writes_the_refused_lines(path: Path, tmp_path: Path) -> None:
    run(path, "--rejects", tmp_path / "rejects")

    assert len((tmp_path / "rejects").read_bytes().splitlines()) == 4


def test_reads_standard_input(path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", mock.Mock(buffer=io.BytesIO(path.read_bytes())))

    assert run("-") == SAID
    assert [each.name for each in spool_folder().iterdir()] == [".importing"]
    assert run(path).startswith("9 lines read.\n")  # again, as a site may have been added
    assert len(stored(site)) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name one file, or - for standard input; or --give-up alone."),
        (["x", "--give-up"], "Name one file, or - for standard input; or --give-up alone."),
        (["/nowhere"], "No such file"),
        (["/tmp"], "Is a directory"),
        (["x", "--site", "New.example"], "unknown_site: no site has the domain new.example."),
    ],
)
def test_says_what_is_wrong(site: Site, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)

    assert not Import.objects.exists()


def test_one_import_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_events, "UPKEEP_SECONDS", 0.1)
    with only_import(), pytest.raises(CommandError, match="Another import is going on"):
        run(path)


def test_waits_for_who_changes_the_archive_and_goes_on_later(path: Path, site: Site) -> None:
    with change_archive(), pytest.raises(CommandError, match=r"changing the archive\. Try again"):
        run(path, "--wait", "0")
    assert not stored(site)

    run(path)

    assert len(stored(site)) == 2


def test_gives_up(path: Path) -> None:
    with change_archive(), pytest.raises(CommandError):
        run(path, "--wait", "0")

    assert run("--give-up") == "Gave up 1 imports.\n"
    assert run("--give-up") == "Gave up 0 imports.\n"


def test_tells_how_far_it_is() -> None:
    seconds = iter([0.0, 0.0, 2.0, 10.0, 10.0, 10.0, 12.0])
    stream = io.StringIO()
    progress = ImportProgress(stream, clock=lambda: next(seconds))

    progress.begin(1000, 100_000, 500_000)
    progress.read(Line(2000, 0, 150_000, b""))  # too soon
    progress.read(Line(3000, 0, 200_000, b""))
    progress.store("example.com")

    assert stream.getvalue() == (
        "40%, 3,000 lines, 200 a second, 0:30 left\n"
        "All lines are read; storing the visits of example.com.\n"
    )


def test_a_report_of_today_has_it(site: Site, tmp_path: Path) -> None:
    now = datetime.now(UTC)

    run(write(tmp_path / "hits", [line(now - HOUR), line(now)]))

    assert len(stored(site)) == 2
