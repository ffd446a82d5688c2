"""Erasing, on three visits that a reader can count, wherever they are."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from archive.archiver import archive_finished
from archive.engine import open_engine
from archive.erasure import rows, steps
from archive.erasure.plan import Plan, make_plan
from archive.erasure.requests import note, of_all, of_days, of_path, of_property, of_user
from archive.erasure.steps import carry_out
from archive.folder import change_archive, spill_folder
from archive.lists import ListChange
from archive.live import process_rows
from archive.models import ArchiveFile, Erasure
from archive.pruning import prune_rows
from archive.upkeep import keep_up
from sites.models import Site
from visits.bulk import PastEvent, PastVisit, load_visits
from visits.ingestion.visitors import identify_user
from visits.models import DailyCount, Event, Visit
from visits.services import add_event, add_visit

NOON: Final = datetime(2026, 3, 9, 12, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
MONDAY: Final = NOON.date()

Place = Callable[[Site], None]


def live(site: Site) -> None:
    """Everything is in rows alone."""


def archived(site: Site) -> None:
    """Everything is in files, and in rows too."""
    archive_finished(site.pk, NOON + 3 * DAY)


def pruned(site: Site) -> None:
    """Everything is in files alone."""
    archived(site)
    prune_rows(site.pk, NOON + 60 * DAY)


def changed(site: Site) -> None:
    """Everything is in files, and in rows that are ahead of them."""
    archived(site)
    for visit in Visit.objects.all():
        add_event(visit=visit, name="engagement", page="/", happened_at=visit.last_event_at)


everywhere = pytest.mark.parametrize("place", [live, archived, pruned, changed])


@pytest.fixture
def visits(site: Site) -> list[Visit]:
    """Ann reads /, /secret and /end on Monday, a minute each; a user reads /secret at one; and Bob
    reads /secret at ten to midnight, / ten minutes after it."""
    ann = add_visit(site=site, visitor=1, started_at=NOON, source="Google")
    for n, page in enumerate(("/", "/secret", "/end")):
        add_event(visit=ann, page=page, happened_at=NOON + n * MINUTE, props={"plan": f"p{n}"})
    user = add_visit(site=site, visitor=identify_user(site, "4711").id, started_at=NOON + HOUR)
    add_event(visit=user, page="/secret", happened_at=NOON + HOUR, props={"plan": "p1", "x": "y"})
    bob = add_visit(site=site, visitor=3, started_at=NOON + 12 * HOUR - 10 * MINUTE)
    add_event(visit=bob, page="/secret", happened_at=NOON + 12 * HOUR - 10 * MINUTE)
    add_event(visit=bob, page="/", happened_at=NOON + 12 * HOUR + 10 * MINUTE)
    return [ann, user, bob]


def read(site: Site, *columns: str, views: bool = True) -> list[tuple[Any, ...]]:
    """Return columns of the pageviews as reports read them, in order of time."""
    with process_rows().state(site.pk) as state:
        condition = "name = 'pageview'" if views else "true"
        sql = f"SELECT {', '.join(columns)} FROM {state.events()} WHERE {condition}"
        return state.engine.execute(f"{sql} ORDER BY happened_at").fetchall()


def erase(erasure: Erasure) -> Erasure:
    """Erase what happened until Thursday."""
    erasure.requested_at = NOON + 3 * DAY
    note(erasure, make_plan(erasure))
    with change_archive():
        carry_out(erasure)
    return erasure


@everywhere
def test_a_path_goes_and_its_visits_are_what_remains(
    visits: list[Visit], site: Site, place: Place
) -> None:
    place(site)

    erase(of_path(site, "/secret"))

    columns = ("page", "entry_page", "exit_page", "started_on", "bounced", "duration_us", "source")
    assert read(site, *columns) == [
        ("/", "/", "/end", MONDAY, False, 120_000_000, "Google"),
        ("/end", "/", "/end", MONDAY, False, 120_000_000, "Google"),
        ("/", "/", "/", MONDAY + DAY, True, 0, ""),
    ]


@everywhere
def test_a_first_and_last_page_give_way_to_others(
    visits: list[Visit], site: Site, place: Place
) -> None:
    place(site)

    erase(of_path(site, "/end"))

    columns = ("exit_page", "duration_us", "engaged")
    if place is changed:  # its engagement on / came at the same time as its last page
        assert read(site, *columns)[0] == ("/secret", 120_000_000, True)
    else:
        assert read(site, *columns)[0] == ("/secret", 60_000_000, True)


@everywhere
def test_days_go_and_a_visit_across_midnight_begins_after_it(
    visits: list[Visit], site: Site, place: Place
) -> None:
    place(site)

    erase(of_days(site, MONDAY, MONDAY))

    assert read(site, "page", "started_on", "visitor", "entry_page") == [
        ("/", MONDAY + DAY, 4, "/")
    ]


@everywhere
def test_a_user_goes_with_every_visit(visits: list[Visit], site: Site, place: Place) -> None:
    place(site)

    erase(of_user(site, "4711"))

    assert read(site, "visitor") == [(1,), (1,), (1,), (3,), (3,)]
    assert not Visit.objects.filter(visitor__lt=0).exists()


@everywhere
def test_a_property_goes_and_its_events_stay(visits: list[Visit], site: Site, place: Place) -> None:
    place(site)

    erase(of_property(site, "plan"))

    assert read(site, "props") == [({},), ({},), ({},), ({"x": "y"},), ({},), ({},)]


@everywhere
def test_a_property_goes_where_it_has_the_value(
    visits: list[Visit], site: Site, place: Place
) -> None:
    place(site)

    erase(of_property(site, "plan", "p1"))

    props = [props for (props,) in read(site, "props")]
    assert props == [{"plan": "p0"}, {}, {"plan": "p2"}, {"x": "y"}, {}, {}]


@pytest.mark.parametrize("name", ["1", 'a"b', "a.b", "", "naïve", "$", "it's", "%s", "{x}", "\\"])
@pytest.mark.parametrize("place", [live, pruned])
def test_a_property_is_found_by_any_name(site: Site, place: Place, name: str) -> None:
    visit = add_visit(site=site, visitor=1, started_at=NOON)
    add_event(visit=visit, happened_at=NOON, props={name: name, "other": "1"})
    place(site)

    erase(of_property(site, name, "no"))
    assert read(site, "props") == [({name: name, "other": "1"},)]

    erase(of_property(site, name, name))
    assert read(site, "props") == [({"other": "1"},)]


@everywhere
def test_everything_goes_and_other_sites_stay(
    visits: list[Visit], site: Site, other_site: Site, place: Place
) -> None:
    other = add_visit(site=other_site, visitor=1, started_at=NOON)
    add_event(visit=other, page="/secret", happened_at=NOON)
    add_visit(site=site, visitor=9, started_at=NOON)  # without events
    for each in (site, other_site):
        DailyCount.objects.create(site=each, counted_on=MONDAY, name="bot", count=1)
    place(site)

    erase(of_all(site))

    assert read(site, "page", views=False) == []
    assert not Visit.objects.filter(site=site).exists()
    assert not ArchiveFile.objects.for_site(site.pk).exists()
    assert read(other_site, "page") == [("/secret",)]
    assert DailyCount.objects.get().site == other_site


@everywhere
def test_what_happened_after_it_was_asked_for_stays(
    visits: list[Visit], site: Site, place: Place
) -> None:
    place(site)
    erasure = of_path(site, "/secret")
    erasure.requested_at = NOON + 2 * HOUR

    note(erasure, make_plan(erasure))
    with change_archive():
        carry_out(erasure)

    assert [page for (page,) in read(site, "page")] == ["/", "/end", "/secret", "/"]


@pytest.mark.parametrize("place", [live, archived])  # one without rows never grows
def test_a_visit_that_lost_events_grows_on(visits: list[Visit], site: Site, place: Place) -> None:
    place(site)
    erase(of_path(site, "/secret"))

    add_event(visit=visits[0], page="/late", happened_at=NOON + 20 * MINUTE)

    assert read(site, "page", "exit_page")[2] == ("/late", "/late")
    archive_finished(site.pk, NOON + 3 * DAY)
    assert read(site, "page", "exit_page")[2] == ("/late", "/late")
    assert len(read(site, "page")) == 4


@pytest.mark.parametrize(
    ("make", "place", "expected"),
    [
        (of_all, live, (3, 6, 2, 0)),
        (of_all, archived, (3, 6, 2, 1)),
        (lambda site: of_path(site, "/secret"), pruned, (3, 3, 1, 1)),
        (lambda site: of_path(site, "/none"), pruned, (0, 0, 0, 0)),
        (lambda site: of_property(site, "plan", "p1"), archived, (2, 2, 1, 1)),
        (lambda site: of_user(site, "4711"), archived, (1, 1, 1, 1)),
        (lambda site: of_days(site, MONDAY + DAY, MONDAY + DAY), archived, (1, 1, 1, 1)),
    ],
)
def test_a_plan_says_how_much_it_is(
    visits: list[Visit],
    site: Site,
    make: Callable[[Site], Erasure],
    place: Place,
    expected: tuple[int, ...],
) -> None:
    place(site)
    erasure = make(site)
    erasure.requested_at = NOON + 3 * DAY

    plan: Plan = make_plan(erasure)

    assert (plan.visits, plan.events, plan.days, plan.files) == expected
    assert Event.objects.count() in {0, 6}


@pytest.mark.parametrize("stopped_at", range(len(steps.STEPS)))
@everywhere
def test_what_was_stopped_is_finished_by_the_next_upkeep(
    visits: list[Visit],
    site: Site,
    place: Place,
    stopped_at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place(site)
    erasure = of_path(site, "/secret")
    erasure.requested_at = NOON + 3 * DAY
    note(erasure, make_plan(erasure))

    def stop(erasure: Erasure) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(
            steps, "STEPS", (*steps.STEPS[:stopped_at], stop, *steps.STEPS[stopped_at + 1 :])
        )
        with pytest.raises(KeyboardInterrupt):
            carry_out(erasure)

    done = keep_up(NOON + 4 * DAY)

    assert done.erasures == 1
    assert [page for (page,) in read(site, "page")] == ["/", "/end", "/"]
    assert keep_up(NOON + 4 * DAY).erasures == 0


def test_a_finished_erasure_keeps_no_name(visits: list[Visit], site: Site) -> None:
    erase(of_property(site, "plan", "p1"))
    erase(of_user(site, "4711"))

    for erasure in Erasure.objects.all():
        assert (erasure.name, erasure.value, erasure.visitor) == ("", None, None)
        assert erasure.finished_at is not None
    assert [erasure.events for erasure in Erasure.objects.order_by("pk")] == [2, 1]


# The command


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("erase", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_what_it_would_erase(visits: list[Visit], site: Site) -> None:
    archived(site)

    said = run("example.com", "--path", "/secret", "--dry-run")

    assert "example.com: to go: 3 events of 3 visits, on 1 day from 2026-03-09 to" in said
    assert "To be written anew: 1 file of the archive." in said
    assert len(read(site, "page")) == 6
    assert not Erasure.objects.exists()


@pytest.mark.parametrize(("typed", "left"), [("example.com", 3), ("yes", 6), ("", 6)])
def test_the_command_asks_for_the_domain(
    visits: list[Visit], site: Site, typed: str, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt: typed)

    refused = pytest.raises(CommandError, match=r"Nothing was erased\.")
    with nullcontext() if left == 3 else refused:
        run("example.com", "--path", "/secret")

    assert len(read(site, "page")) == left


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["--all"], 0),
        (["--from", "2026-03-09", "--to", "2026-03-09"], 1),
        (["--path", "/secret"], 3),
        (["--property", "plan=p1"], 6),
        (["--user", "4711"], 5),
    ],
)
def test_the_command_erases(
    visits: list[Visit], site: Site, arguments: list[str], left: int
) -> None:
    run("example.com", *arguments, "--yes")

    assert len(read(site, "page")) == left


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.example", "--all"], "There is no site none.example"),
        (["example.com", "--from", "2026-03-09"], "Give both days"),
        (["example.com", "--all", "--to", "2026-03-09"], "Give both days"),
        (["example.com", "--from", "2026-03-09", "--to", "2026-03-08"], "is after"),
        (["example.com", "--from", "9 March", "--to", "2026-03-08"], "is no day such as"),
        (["example.com"], "is required"),
        (["example.com", "--path", "x" * 2001, "--yes"], "at most 2000 characters"),
        (["example.com", "--path", "\udce9"], "not UTF-8"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(
    visits: list[Visit], site: Site, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert len(read(site, "page")) == 6


def test_an_erasure_is_noted_when_the_archive_is_busy(visits: list[Visit], site: Site) -> None:
    with change_archive(), pytest.raises(CommandError, match="will carry it out"):
        run("example.com", "--path", "/secret", "--yes", "--wait", "0")

    keep_up(NOON + 4 * DAY)

    assert len(read(site, "page")) == 3


# Bytes


def files_with(text: str, data_dir: Path) -> list[str]:
    """Return the paths of files in which the text is, also packed in those of the archive.

    Another process reads the others: to close the database's here would let go of its locks.
    """
    folders = [data_dir]
    if connection.vendor == "sqlite":
        folders.append(Path(connection.settings_dict["NAME"]).parent)
    command = ["grep", "--recursive", "--files-with-matches", "--fixed-strings", "--", text]
    found = subprocess.run([*command, *folders], capture_output=True, check=False)
    packed = [path for folder in folders for path in folder.rglob("*.parquet")]
    return found.stdout.decode().splitlines() + [str(p) for p in packed if _packs(p, text)]


def _packs(path: Path, text: str) -> bool:
    engine = open_engine()
    try:
        return text in repr(engine.execute(f"SELECT * FROM read_parquet('{path}')").fetchall())
    finally:
        engine.close()


def test_what_a_killed_engine_left_is_deleted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    spill_folder().mkdir()
    left, own, draft = (
        spill_folder() / name
        for name in (
            f"duckdb_temp_{ended.pid}_0_storage_DEFAULT-0.tmp",
            f"duckdb_temp_{os.getpid()}_0_storage_DEFAULT-0.tmp",
            f"export_temp_{ended.pid}_0123456789ab",
        )
    )
    for path in (left, own, draft):
        path.write_text("x")

    keep_up(NOON)
    assert left.exists()  # it may be another machine's that lives

    monkeypatch.setattr("archive.files.GRACE_SECONDS", 0.0)
    keep_up(NOON)
    assert not left.exists()
    assert not draft.exists()
    assert own.exists()


@pytest.mark.parametrize("is_committed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 6))
@pytest.mark.parametrize("place", [live, archived, pruned])
def test_it_may_be_stopped_at_any_transaction(
    visits: list[Visit],
    site: Site,
    place: Place,
    number: int,
    is_committed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before, or right after, the first, second, … change of rows or files, one visit at a time."""
    for _ in range(len(visits) if place is not live else 0):
        archive_finished(site.pk, NOON + 3 * DAY, max_visits=1)
    place(site)
    erasure = of_path(site, "/secret")
    erasure.requested_at = NOON + 3 * DAY
    note(erasure, make_plan(erasure))
    changes = count()

    def stopping(change: Callable[..., None]) -> Callable[..., None]:
        def stopped(*arguments: Any) -> None:
            is_it = next(changes) == number
            if not is_it or is_committed:
                change(*arguments)
            if is_it:
                raise KeyboardInterrupt

        return stopped

    with monkeypatch.context() as once:
        once.setattr(rows, "BATCH_VISITS", 1)
        once.setattr(ListChange, "commit", stopping(ListChange.commit))
        once.setattr(rows, "_in_turn", stopping(rows._in_turn))
        with suppress(KeyboardInterrupt):  # there may be fewer changes
            carry_out(erasure)

    keep_up(NOON + 4 * DAY)

    assert [page for (page,) in read(site, "page")] == ["/", "/end", "/"]


MARKER: Final = "vq7marker"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", [live, archived, pruned])
@pytest.mark.parametrize(
    "arguments",
    [
        ["--path", f"/{MARKER}"],
        ["--property", f"p={MARKER}"],
        ["--property", "p"],
        ["--user", MARKER],
        ["--from", "2026-03-09", "--to", "2026-03-10"],
        ["--all"],
    ],
    ids=" ".join,
)
def test_no_byte_is_left_when_the_grace_time_is_over(
    site: Site,
    data_dir: Path,
    arguments: list[str],
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_property = "--property" in arguments
    user = identify_user(site, MARKER).id
    load_visits(
        site,
        [
            PastVisit(
                n if n % 2 else user,
                [
                    PastEvent(
                        "pageview",
                        NOON + n * MINUTE,
                        "/" if of_property or n % 2 else f"/{MARKER}",
                        title="" if of_property or n % 2 else MARKER * (n % 5),
                        props={"p": MARKER} if of_property else {},
                    )
                ],
            )
            for n in range(400)
        ],
    )
    place(site)
    # PostgreSQL has its rows elsewhere.
    assert files_with(MARKER, data_dir) or (place is live and connection.vendor != "sqlite")

    run("example.com", *arguments, "--yes")
    monkeypatch.setattr("archive.files.GRACE_SECONDS", 0.0)
    monkeypatch.setattr("archive.forgetting.GRACE_SECONDS", 0.0)
    keep_up(NOON + 4 * DAY)

    assert files_with(MARKER, data_dir) == []
    assert Erasure.objects.get().gone_at is not None
    left = {"--path": 200, "--property": 400, "--user": 200}.get(arguments[0], 0)
    assert len(read(site, "page")) == left
