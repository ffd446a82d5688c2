"""What a warehouse holds: everything of the site that the ranges need, as of now, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import duckdb
import pytest
import time_machine

from archive.columns import COLUMNS
from archive.live import process_rows
from reports.dates import DateRange, Interval
from reports.metrics import (
    BOUNCE_RATE,
    PAGEVIEWS,
    VIEWS_PER_VISIT,
    VISIT_DURATION,
    VISITORS,
    VISITS,
)
from reports.queries import ReportQuery, chart, summarise
from reports.sql import Statement
from reports.tests.histories import view
from reports.warehouse.embedded import open_warehouse
from sites.models import Site
from visits.services import add_event, add_visit
from visits.tests.hits import DAY, HOUR, MINUTE, NOON, SECOND, Sender

#: The beginning of 10 March 2026.
MIDNIGHT: Final = NOON - 12 * HOUR


@pytest.fixture
def question(site: Site) -> ReportQuery:
    """A question after visits on 10 March 2026."""
    days = DateRange(first_day=date(2026, 3, 10), end_day=date(2026, 3, 11), zone=site.zone)
    return ReportQuery(site=site, range=days, metrics=(VISITORS, VISITS, PAGEVIEWS))


def ask(question: ReportQuery) -> dict[str, float | None]:
    """Return the question's figures from a warehouse opened for it."""
    with open_warehouse(question.site) as warehouse:
        return summarise(warehouse, question)


def read(site: Site, columns: str) -> list[tuple[Any, ...]]:
    """Return some columns of every event that reports of the site are made of, in their order."""
    with process_rows().state(site.pk) as state:
        events = f"SELECT {columns} FROM {state.events()} ORDER BY happened_at"
        return state.engine.execute(events).fetchall()


def test_a_hit_is_in_the_next_report(site: Site, send: Sender, question: ReportQuery) -> None:
    with time_machine.travel(NOON, tick=False):
        assert send().status_code == 202

        assert ask(question) == {"visitors": 1, "visits": 1, "pageviews": 1}

        assert send(u="https://example.com/next").status_code == 202

        assert ask(question) == {"visitors": 1, "visits": 1, "pageviews": 2}


def test_an_open_warehouse_stays_as_it_was(site: Site, question: ReportQuery) -> None:
    view(site, NOON - HOUR)
    with open_warehouse(site) as warehouse:
        view(site, NOON - MINUTE, visitor=2)

        assert summarise(warehouse, question)["visitors"] == 1


def test_another_sites_rows_are_not_in_it(
    site: Site, other_site: Site, question: ReportQuery
) -> None:
    view(site, NOON - HOUR)
    view(other_site, NOON - HOUR, visitor=2)

    assert ask(question)["visits"] == 1
    assert ask(replace(question, site=other_site))["visits"] == 1
    with open_warehouse(site) as warehouse:
        # The answer is not only filtered by site: the other's rows are not there at all.
        assert summarise(warehouse, replace(question, site=other_site))["visits"] == 0
    assert read(site, "visitor") == [(1,)]


def test_a_visit_that_reaches_into_the_range_is_whole(site: Site, question: ReportQuery) -> None:
    """Begun at 23:50, it goes on until 00:10: no bounce, and 20 minutes long, on either day."""
    view(site, MIDNIGHT - 10 * MINUTE, MIDNIGHT + 10 * MINUTE)
    figures = replace(question, metrics=(VISITS, PAGEVIEWS, BOUNCE_RATE, VISIT_DURATION))
    expected = {"visits": 1, "pageviews": 1, "bounce_rate": 0, "visit_duration": 1200}

    assert ask(figures) == expected
    the_9th = replace(question.range, first_day=date(2026, 3, 9), end_day=date(2026, 3, 10))
    assert ask(replace(figures, range=the_9th)) == expected


def test_a_visit_longer_than_a_day_is_found_by_its_last_pageview(
    site: Site, question: ReportQuery
) -> None:
    """A page that is shown on a wall sends something every 25 minutes, for four days."""
    every = 25 * MINUTE
    view(site, *(NOON - 4 * DAY + place * every for place in range(4 * DAY // every)))

    figures = ask(replace(question, metrics=(VISITS, VIEWS_PER_VISIT)))

    # On the 10th they are from 00:10, 25 minutes apart, to 11:25.
    assert figures == {"visits": 1, "views_per_visit": 28}


def test_events_before_and_after_the_range_are_not_counted(
    site: Site, question: ReportQuery
) -> None:
    view(site, MIDNIGHT - SECOND, visitor=1)
    view(site, MIDNIGHT, visitor=2)
    view(site, MIDNIGHT + DAY - SECOND, visitor=3)
    view(site, MIDNIGHT + DAY, visitor=4)

    assert ask(question)["visitors"] == 2


def test_holds_what_several_ranges_need(site: Site, question: ReportQuery) -> None:
    view(site, NOON, visitor=1)
    view(site, NOON - 30 * DAY, visitor=2)
    february = DateRange(first_day=date(2026, 2, 1), end_day=date(2026, 3, 1), zone=site.zone)

    with open_warehouse(site) as warehouse:
        assert summarise(warehouse, question)["visitors"] == 1
        assert summarise(warehouse, replace(question, range=february))["visitors"] == 1


@pytest.mark.parametrize(
    "zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata", "Australia/Lord_Howe"]
)
def test_events_keep_their_day_when_the_sites_time_zone_changes(
    zone: str, site: Site, question: ReportQuery
) -> None:
    """An event at each hour of the 10th, as UTC had it, is in some hour of the 10th ever after."""
    for hour in range(24):
        view(site, MIDNIGHT + hour * HOUR, visitor=hour)
    Site.objects.update(timezone=zone)
    site.refresh_from_db()
    moved = replace(question, site=site, range=replace(question.range, zone=site.zone))

    with open_warehouse(site) as warehouse:
        headline = summarise(warehouse, moved)["pageviews"]
        by_hour = chart(warehouse, moved, Interval.HOUR)
        by_day = chart(warehouse, moved, Interval.DAY)

    assert headline == 24
    assert sum(point.figures["pageviews"] for point in by_hour) == headline
    assert [point.figures["pageviews"] for point in by_day] == [headline]


def test_times_are_utc_to_the_microsecond(site: Site, question: ReportQuery) -> None:
    at = NOON + timedelta(microseconds=123_456)
    view(site, at)

    assert read(site, "happened_at, happened_on") == [(at.replace(tzinfo=None), date(2026, 3, 10))]


def test_the_largest_and_smallest_visitor_ids_are_told_apart(
    site: Site, question: ReportQuery
) -> None:
    for visitor in (-(2**63), -(2**63) + 1, 2**63 - 2, 2**63 - 1):
        view(site, NOON, visitor=visitor)

    assert ask(question)["visitors"] == 4


def test_it_is_closed_at_the_end(site: Site, question: ReportQuery) -> None:
    with open_warehouse(site) as warehouse:
        pass

    with pytest.raises(duckdb.ConnectionException):
        summarise(warehouse, question)


def test_it_reads_no_file(site: Site, question: ReportQuery) -> None:
    with (
        open_warehouse(site) as warehouse,
        pytest.raises(duckdb.PermissionException),
    ):
        warehouse.rows(Statement(f"SELECT * FROM read_text('{__file__}')"))


def test_properties_are_a_map_of_texts(site: Site, question: ReportQuery) -> None:
    props = {"plan": "Größe 'L'", "a.b": "", "count": "3"}
    visit = add_visit(site=site, visitor=1, started_at=NOON)
    add_event(visit=visit, page="/", name="signup", happened_at=NOON, props=props)
    add_event(visit=visit, page="/", happened_at=NOON + SECOND)

    assert read(site, "props") == [(props,), ({},)]


def test_its_table_has_the_columns_that_files_have(site: Site, question: ReportQuery) -> None:
    view(site, NOON)

    with process_rows().state(site.pk) as state:
        described = (
            f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {state.events()})"
        )
        rows = state.engine.execute(described).fetchall()

    assert rows == [(name, kind.replace(", 4", ",4")) for name, kind in COLUMNS.items()]
