"""Clocks that jump: hits are stored, no visit lasts less than nothing, each day has its salt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from sites.models import Site
from visits.models import Event, Visit
from visits.tests.hits import DAY, HOUR, MINUTE, NOON, Sender


@pytest.mark.parametrize(
    ("step", "visits"),
    [
        (timedelta(0), 1),
        (-MINUTE, 1),
        (-29 * MINUTE, 1),
        (HOUR, 2),
        (-HOUR, 2),
        (DAY, 2),
        (-DAY, 2),
        (3 * DAY, 2),
        (-3 * DAY, 2),
    ],
    ids=str,
)
def test_a_clock_that_is_set(site: Site, send: Sender, step: timedelta, visits: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        assert send().status_code == 202
        clock.move_to(NOON + step)
        assert send().status_code == 202
        clock.move_to(NOON + MINUTE)
        assert send().status_code == 202

    assert Event.objects.count() == 3
    assert Visit.objects.count() == visits
    assert all(visit.duration >= timedelta(0) for visit in Visit.objects.all())
    assert {event.happened_on for event in Event.objects.all()} == {
        NOON.date(),
        (NOON + step).date(),
    }


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 0, 50, tzinfo=UTC)),  # an hour is left out
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 50, tzinfo=UTC)),  # an hour comes twice
        ("America/Sao_Paulo", datetime(2018, 11, 4, 2, 50, tzinfo=UTC)),  # no midnight
        ("Asia/Kolkata", datetime(2026, 3, 10, 18, 20, tzinfo=UTC)),  # midnight at half past
        ("UTC", datetime(2028, 2, 28, 23, 50, tzinfo=UTC)),  # into the leap day
        ("UTC", datetime(2028, 2, 29, 23, 50, tzinfo=UTC)),  # and out of it
        ("UTC", datetime(2038, 1, 19, 3, 10, tzinfo=UTC)),  # past 2^31 seconds
        ("UTC", datetime(2099, 12, 31, 23, 50, tzinfo=UTC)),
    ],
    ids=str,
)
def test_a_visit_across_what_clocks_and_calendars_do(
    site: Site, send: Sender, data_dir: Path, zone: str, at: datetime
) -> None:
    site.timezone = zone
    site.save()
    with time_machine.travel(at, tick=False) as clock:
        for _ in range(3):
            assert send().status_code == 202
            clock.shift(10 * MINUTE)

    visit = Visit.objects.get()
    assert visit.duration == 20 * MINUTE
    assert (visit.pageviews, visit.started_on) == (3, at.astimezone(site.zone).date())
    days = {event.happened_on for event in visit.events.all()}
    salts = {
        path.name.partition(".")[2]: path.read_bytes() for path in (data_dir / "salts").iterdir()
    }
    assert {day.isoformat() for day in days} <= salts.keys()
    assert len(set(salts.values())) == len(salts)


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1e18", 10**18, "-1", 0]
)
def test_a_time_that_nobody_lives_in_is_no_fault_of_ours(
    site: Site, send: Sender, at: object
) -> None:
    answer = send(at=at)

    assert answer.status_code == 400
    assert not Event.objects.exists()
