"""Events older than a site keeps them go; what else there is of their days stays."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any, Final

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from archive import retention
from archive.folder import change_archive
from archive.live import process_rows
from archive.models import ArchiveFile, KeptEvents, events_kept_from
from archive.retention import drop_old_events, find_dropping
from archive.upkeep import keep_up
from sites.models import Site
from visits.models import Event, Visit
from visits.services import add_event, add_visit

NOON: Final = datetime(2026, 3, 9, 12, tzinfo=UTC)
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
MONDAY: Final = NOON.date()
#: On that day the limit of ten days lets Monday and Tuesday go.
NOW: Final = NOON + 12 * DAY


@pytest.fixture
def site(site: Site) -> Site:
    """The site keeps events for ten days."""
    site.keep_events_days = 10
    site.save()
    return site


@pytest.fixture
def visits(site: Site) -> list[Visit]:
    """One at noon on each of five days, on a page of its name."""
    made = []
    for n in range(5):
        visit = add_visit(site=site, visitor=n, started_at=NOON + n * DAY)
        add_event(visit=visit, page=f"/{n}", happened_at=NOON + n * DAY)
        made.append(visit)
    return made


def read(site: Site) -> list[Any]:
    """Return the pages of every event that there is."""
    with process_rows().state(site.pk) as state:
        rows = state.engine.execute(f"SELECT page FROM {state.events()} ORDER BY happened_at, page")
        return [page for (page,) in rows.fetchall()]


def figures(site: Site) -> dict[date, int]:
    """Return the pageviews that daily figures have of each day."""
    with process_rows().state(site.pk) as state:
        paths = [str(file.path) for file in state.rollups]
        rows = state.engine.execute(
            "SELECT happened_on, sum(pageviews)::INT FROM read_parquet(?)"
            " WHERE dimension = '' GROUP BY 1 ORDER BY 1",
            [paths],
        )
        return dict(rows.fetchall())


def test_older_events_go_and_their_figures_stay(visits: list[Visit], site: Site) -> None:
    done = keep_up(NOW)

    assert done.dropped_days == 2
    assert read(site) == ["/2", "/3", "/4"]
    assert figures(site) == {MONDAY + n * DAY: 1 for n in range(5)}
    assert [visit.pk for visit in Visit.objects.order_by("pk")] == [v.pk for v in visits[2:]]
    assert events_kept_from(site.pk) == MONDAY + 2 * DAY


def test_the_next_day_the_next_goes(visits: list[Visit], site: Site) -> None:
    keep_up(NOW)

    assert keep_up(NOW).dropped_days == 0
    assert keep_up(NOW + DAY).dropped_days == 1

    assert read(site) == ["/3", "/4"]
    assert keep_up(NOW + 100 * DAY).dropped_days > 50
    assert read(site) == []
    assert set(figures(site)) == {MONDAY + n * DAY for n in range(5)}


def test_without_a_limit_nothing_goes(visits: list[Visit], site: Site) -> None:
    site.keep_events_days = None
    site.save()

    keep_up(NOW + 1000 * DAY)

    assert len(read(site)) == 5


def test_a_limit_that_is_lifted_brings_nothing_back(visits: list[Visit], site: Site) -> None:
    keep_up(NOW)
    site.keep_events_days = None
    site.save()

    keep_up(NOW + DAY)

    assert read(site) == ["/2", "/3", "/4"]
    assert events_kept_from(site.pk) == MONDAY + 2 * DAY


def test_days_without_figures_are_kept(visits: list[Visit], site: Site) -> None:
    keep_up(NOON + 6 * DAY)
    ArchiveFile.objects.rollups().delete()

    with change_archive():
        assert drop_old_events(site, NOW) == 0

    assert len(read(site)) == 5


def test_a_day_with_a_live_visit_is_kept(visits: list[Visit], site: Site) -> None:
    keep_up(NOON + 6 * DAY)
    add_event(visit=visits[1], page="/late", happened_at=NOON + DAY + MINUTE)

    with change_archive():
        assert drop_old_events(site, NOW) == 1

    assert read(site) == ["/1", "/late", "/2", "/3", "/4"]


def test_a_visit_across_the_limit_stays_whole_with_its_visitors_others(site: Site) -> None:
    for start, page in ((0, "/a"), (11 * 60, "/b")):  # two visits of one visitor on Tuesday
        at = NOON + DAY + start * MINUTE
        visit = add_visit(site=site, visitor=1, started_at=at)
        add_event(visit=visit, page=page, happened_at=at)
    add_event(visit=visit, page="/c", happened_at=at + 30 * MINUTE)
    add_event(visit=visit, page="/d", happened_at=at + 60 * MINUTE)
    other = add_visit(site=site, visitor=2, started_at=NOON + DAY)
    add_event(visit=other, page="/other", happened_at=NOON + DAY)

    keep_up(NOW)

    assert read(site) == ["/a", "/b", "/c", "/d"]
    assert read(site) == ["/a", "/b", "/c", "/d"]
    assert keep_up(NOW + DAY).dropped_days == 1
    assert read(site) == []


def test_figures_of_other_days_of_a_month_are_made_anew_beside_them(
    visits: list[Visit], site: Site
) -> None:
    keep_up(NOW)
    visit = Visit.objects.get(pk=visits[3].pk)
    add_event(visit=visit, page="/late", happened_at=NOON + 3 * DAY + MINUTE)

    keep_up(NOW)

    days = [MONDAY + n * DAY for n in range(5)]
    assert figures(site) == dict(zip(days, (1, 1, 1, 2, 1), strict=True))


@pytest.mark.parametrize("stopped_at", ["_drop_from", "_drop_rows"])
def test_what_was_stopped_is_gone_on_with(
    visits: list[Visit], site: Site, stopped_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(retention, stopped_at, stop)
        with pytest.raises(KeyboardInterrupt):
            keep_up(NOW)
    assert KeptEvents.objects.get().dropped_before is None

    keep_up(NOW)

    assert read(site) == ["/2", "/3", "/4"]
    assert Event.objects.count() == 3
    assert find_dropping(site, NOW) is None


@pytest.mark.parametrize(("days", "is_good"), [(None, True), (6, False), (7, True)])
def test_a_limit_leaves_time_for_late_hits(site: Site, days: int | None, is_good: bool) -> None:
    site.keep_events_days = days
    refused = pytest.raises(ValidationError, match="keep_events_days")
    with nullcontext() if is_good else refused:
        site.full_clean()


# The command


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("retain", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def old_visits(site: Site) -> None:
    """One a year ago, archived and rolled up, in rows no more."""
    at = datetime.now(UTC) - 365 * DAY
    add_event(visit=add_visit(site=site, visitor=1, started_at=at), happened_at=at)
    site.keep_events_days = None
    site.save()
    keep_up(datetime.now(UTC))
    site.keep_events_days = 10
    site.save()


def test_the_command_says_what_goes_and_drops_it(old_visits: None, site: Site) -> None:
    said = run("--dry-run")

    assert "example.com keeps events for 10 days: to go: 355 days, those before" in said
    assert "To be written anew: 1 file of the archive." in said
    assert len(read(site)) == 1

    assert "Dropped the events of 355 days." in run()
    assert read(site) == []
    assert "nothing is older" in run("--dry-run")


def test_the_command_refuses_while_others_change_the_archive(old_visits: None, site: Site) -> None:
    with change_archive(), pytest.raises(CommandError, match="Try again"):
        run("--wait", "0")
