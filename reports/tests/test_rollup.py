"""Daily figures add up to what the events say, and are asked whenever they can answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.db import transaction

from archive.archiver import archive_finished
from archive.models import ArchiveFile
from archive.upkeep import keep_up
from archive.verification import verify
from reports.dates import DateRange, Interval
from reports.dimensions import (
    COUNTRY,
    ENTRY_PAGE,
    EVENT,
    HOUR_OF_DAY,
    PAGE,
    SOURCE,
    TIME,
    WEEKDAY,
)
from reports.filters import Filter
from reports.metrics import (
    BOUNCE_RATE,
    CONVERSION_RATE,
    PAGEVIEWS,
    SCROLL_DEPTH,
    TIME_ON_PAGE,
    VISITORS,
    VISITS,
)
from reports.queries import ReportQuery, break_down, chart, summarise
from reports.rolling_up import roll_up
from reports.tests.histories import view
from reports.warehouse.embedded import open_warehouse
from sites.models import Site
from visits.bulk import delete_rows
from visits.changes import Change, note_deletions
from visits.models import Visit
from visits.services import add_event, add_visit
from visits.tests.hits import DAY, HOUR, MINUTE, NOON

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 3, day) for day in (9, 10, 11))
#: The end of Monday.
MIDNIGHT = NOON - 12 * HOUR
LATER = NOON + 10 * DAY


@pytest.fixture
def two_days(site: Site) -> ReportQuery:
    """A question after Monday and Tuesday."""
    days = DateRange(first_day=MONDAY, end_day=WEDNESDAY, zone=site.zone)
    return ReportQuery(site=site, range=days, metrics=(VISITORS, VISITS, PAGEVIEWS))


@pytest.fixture
def night(site: Site) -> None:
    """Ann reads / on Monday at 23:50 and /a on Tuesday at 0:10; Bob sees / at noon on Tuesday."""
    ann = add_visit(site=site, visitor=1, started_at=MIDNIGHT - 10 * MINUTE, source="news")
    add_event(visit=ann, page="/", happened_at=MIDNIGHT - 10 * MINUTE)
    add_event(visit=ann, page="/a", happened_at=MIDNIGHT + 10 * MINUTE)
    view(site, NOON, visitor=2, source="mail")
    keep_up(LATER)


def source_of(question: ReportQuery) -> str:
    """Return what the question is answered from."""
    with open_warehouse(question.site) as warehouse:
        return warehouse.explain(question).partition("\n")[0]


def figures(question: ReportQuery) -> dict[str, Any]:
    with open_warehouse(question.site) as warehouse:
        return summarise(warehouse, question)


def by_value(question: ReportQuery) -> dict[Any, dict[str, Any]]:
    with open_warehouse(question.site) as warehouse:
        return {row.dimensions[0]: row.figures for row in break_down(warehouse, question).rows}


def on(question: ReportQuery, day: date) -> ReportQuery:
    """Return the question about one day."""
    return replace(question, range=replace(question.range, first_day=day, end_day=day + DAY))


FROM_DAYS, FROM_EVENTS = "Answered from daily figures.", "Answered from events."


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({}, FROM_DAYS),
        ({"dimensions": (SOURCE,)}, FROM_DAYS),
        ({"dimensions": (TIME[Interval.DAY],)}, FROM_DAYS),
        ({"dimensions": (TIME[Interval.MONTH], PAGE)}, FROM_DAYS),
        ({"dimensions": (SOURCE,), "filters": (Filter(SOURCE, ("news",)),)}, FROM_DAYS),
        ({"filters": (Filter(EVENT, ("pageview",)),), "metrics": (PAGEVIEWS,)}, FROM_DAYS),
        ({"metrics": (SCROLL_DEPTH, TIME_ON_PAGE, BOUNCE_RATE)}, FROM_DAYS),
        ({"dimensions": (HOUR_OF_DAY,)}, FROM_DAYS),
        ({"dimensions": (WEEKDAY, HOUR_OF_DAY)}, FROM_DAYS),
        ({"dimensions": (TIME[Interval.HOUR],)}, FROM_EVENTS),
        ({"dimensions": (SOURCE, COUNTRY)}, FROM_EVENTS),
        ({"dimensions": (SOURCE,), "filters": (Filter(PAGE, ("/",)),)}, FROM_EVENTS),
        # A visit may have several pages: its figures of one do not add up to those of two.
        ({"filters": (Filter(PAGE, ("/", "/a")),)}, FROM_EVENTS),
        ({"filters": (Filter(ENTRY_PAGE, ("/",), negated=True),)}, FROM_EVENTS),
        ({"metrics": (CONVERSION_RATE,)}, FROM_DAYS),
    ],
)
def test_daily_figures_are_asked_where_they_answer_exactly(
    night: None,
    two_days: ReportQuery,
    changes: dict[str, Any],
    source: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert source_of(replace(two_days, **changes)) == source


@pytest.fixture(autouse=True)
def every_dimension_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three visits are few for the rule that leaves dimensions with many values to the events."""
    monkeypatch.setattr("reports.rolling_up.STAYS_PER_ROW", 0)


def test_a_visit_across_midnight_is_one_on_either_day_and_on_both(
    night: None, two_days: ReportQuery
) -> None:
    assert figures(two_days) == {"visitors": 2, "visits": 2, "pageviews": 3}
    assert figures(on(two_days, MONDAY)) == {"visitors": 1, "visits": 1, "pageviews": 1}
    assert figures(on(two_days, TUESDAY)) == {"visitors": 2, "visits": 2, "pageviews": 2}


def test_each_point_of_a_chart_is_a_range_of_its_own(night: None, two_days: ReportQuery) -> None:
    with open_warehouse(two_days.site) as warehouse:
        by_day = chart(warehouse, two_days, Interval.DAY)
        by_week = chart(warehouse, two_days, Interval.WEEK)

    assert [point.figures["visitors"] for point in by_day] == [1, 2]
    assert [point.figures["visitors"] for point in by_week] == [2]


def test_a_page_that_a_visit_saw_on_one_day_counts_on_that_day(
    night: None, two_days: ReportQuery
) -> None:
    visits = {page: row["visits"] for page, row in by_value(with_pages(two_days)).items()}
    assert visits == {"/": 2, "/a": 1}

    tuesday = by_value(with_pages(on(two_days, TUESDAY)))
    assert {page: row["visits"] for page, row in tuesday.items()} == {"/": 1, "/a": 1}


def with_pages(question: ReportQuery) -> ReportQuery:
    return replace(question, dimensions=(PAGE,))


def with_sources(question: ReportQuery) -> ReportQuery:
    return replace(question, dimensions=(SOURCE,))


@pytest.mark.parametrize(
    ("before", "after", "monday", "tuesday", "both"),
    [(40, 70, 40, 70, 70), (70, 40, 70, 40, 70), (None, 40, None, 40, 40), (40, 40, 40, 40, 40)],
)
def test_a_stay_across_midnight_has_the_greatest_depth_of_the_days_asked_about(
    site: Site,
    two_days: ReportQuery,
    before: int | None,
    after: int,
    monday: int | None,
    tuesday: int,
    both: int,
) -> None:
    ann = add_visit(site=site, visitor=1, started_at=MIDNIGHT - 10 * MINUTE)
    add_event(visit=ann, happened_at=MIDNIGHT - 10 * MINUTE)
    for at, depth in ((MIDNIGHT - MINUTE, before), (MIDNIGHT + MINUTE, after)):
        add_event(
            visit=ann, name="engagement", happened_at=at, scroll_depth=depth, engagement_ms=1000
        )
    keep_up(LATER)
    question = replace(two_days, metrics=(SCROLL_DEPTH, TIME_ON_PAGE))

    assert source_of(question) == FROM_DAYS
    assert figures(on(question, MONDAY)) == {"scroll_depth": monday, "time_on_page": 1}
    assert figures(on(question, TUESDAY)) == {"scroll_depth": tuesday, "time_on_page": 1}
    assert figures(question) == {"scroll_depth": both, "time_on_page": 2}


def test_a_day_that_is_going_on_is_made_of_events(night: None, two_days: ReportQuery) -> None:
    view(two_days.site, NOON + DAY, visitor=3)
    three_days = replace(two_days, range=replace(two_days.range, end_day=WEDNESDAY + DAY))

    assert source_of(three_days) == FROM_DAYS
    assert figures(three_days) == {"visitors": 3, "visits": 3, "pageviews": 4}


def test_a_late_hit_counts_at_once_and_makes_its_days_anew(
    night: None, two_days: ReportQuery
) -> None:
    view(two_days.site, NOON - DAY, visitor=3, source="news")
    assert figures(two_days) == {"visitors": 3, "visits": 3, "pageviews": 4}
    assert by_value(with_sources(two_days))["news"]["visits"] == 2
    assert source_of(two_days) == FROM_DAYS
    assert [file.last_day for file in rollups(two_days.site)] == [date(2026, 3, 19)]

    keep_up(LATER)

    assert source_of(two_days) == FROM_DAYS
    assert figures(two_days) == {"visitors": 3, "visits": 3, "pageviews": 4}


def test_a_visit_that_grows_counts_once_and_as_it_is_now(
    night: None, two_days: ReportQuery
) -> None:
    """Bob's visit was a bounce when it was archived and rolled up; then he reads on."""
    bob = Visit.objects.get(source="mail")
    add_event(visit=bob, page="/next", happened_at=NOON + MINUTE)
    question = replace(two_days, metrics=(VISITORS, VISITS, PAGEVIEWS, BOUNCE_RATE))

    assert source_of(question) == FROM_DAYS
    assert figures(question) == {"visitors": 2, "visits": 2, "pageviews": 4, "bounce_rate": 0}
    assert by_value(with_pages(two_days))["/next"]["visitors"] == 1


def test_a_source_whose_only_visit_was_deleted_is_in_no_table(
    night: None, two_days: ReportQuery
) -> None:
    bob = Visit.objects.get(source="mail")
    with transaction.atomic():
        delete_rows([bob.pk])
        note_deletions([Change(bob.pk, bob.site_id, bob.started_on)])

    assert source_of(with_sources(two_days)) == FROM_DAYS
    assert by_value(with_sources(two_days)).keys() == {"news"}
    assert figures(two_days) == {"visitors": 1, "visits": 1, "pageviews": 2}


def test_visitors_who_are_users_are_counted_from_events(site: Site, two_days: ReportQuery) -> None:
    view(site, NOON - DAY, visitor=-7)
    view(site, NOON, visitor=-7)
    keep_up(LATER)

    assert figures(two_days) == {"visitors": 1, "visits": 2, "pageviews": 2}
    assert source_of(two_days) == FROM_EVENTS
    assert source_of(replace(two_days, metrics=(VISITS, PAGEVIEWS))) == FROM_DAYS


def test_a_dimension_with_nearly_as_many_values_as_events_is_left_to_them(
    site: Site, two_days: ReportQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.rolling_up.STAYS_PER_ROW", 2)
    for visitor in range(6):
        view(site, NOON - DAY, visitor=visitor, page=f"/{visitor}", source="news")
    keep_up(LATER)

    assert source_of(replace(two_days, dimensions=(PAGE,))) == FROM_EVENTS
    assert source_of(replace(two_days, dimensions=(SOURCE,))) == FROM_DAYS


def test_days_are_rolled_up_once(night: None, site: Site) -> None:
    assert roll_up(site, LATER) == 0
    assert roll_up(site, LATER + 2 * DAY) == 2


def test_today_and_days_with_a_live_visit_wait(site: Site) -> None:
    view(site, NOON - 2 * DAY)
    archive_finished(site.pk, NOON)
    view(site, NOON - DAY, visitor=2)

    assert roll_up(site, NOON) == 1


def test_a_day_of_many_events_is_rolled_up_while_it_goes_on(
    site: Site, two_days: ReportQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ann has come and gone when Tuesday's figures are made; she comes back, and Bob comes."""
    monkeypatch.setattr("reports.rolling_up.MANY_EVENTS", 1)
    view(site, NOON - 2 * HOUR)
    keep_up(NOON)
    assert [(file.first_day, file.last_day) for file in rollups(site)] == [(TUESDAY, TUESDAY)]

    view(site, NOON + HOUR)
    view(site, NOON + HOUR, visitor=2)

    assert source_of(two_days) == FROM_DAYS
    assert figures(two_days) == {"visitors": 2, "visits": 3, "pageviews": 3}
    keep_up(NOON + 3 * HOUR)
    assert [(file.first_day, file.last_day) for file in rollups(site)] == [(TUESDAY, TUESDAY)]
    assert figures(two_days) == {"visitors": 2, "visits": 3, "pageviews": 3}


def test_a_day_of_few_events_has_no_figures_before_it_is_over(site: Site) -> None:
    view(site, NOON - 2 * HOUR)
    keep_up(NOON)

    assert rollups(site) == []


def test_files_of_a_month_that_is_over_become_one(site: Site) -> None:
    for days in range(3):
        view(site, NOON + days * DAY, visitor=days)
        keep_up(NOON + (days + 1) * DAY)
    assert len(rollups(site)) == 3

    keep_up(NOON + 30 * DAY)

    assert [(file.first_day, file.last_day) for file in rollups(site)] == [
        (date(2026, 3, 10), date(2026, 3, 31)),
        (date(2026, 4, 1), date(2026, 4, 8)),
    ]


def rollups(site: Site) -> list[ArchiveFile]:
    return list(ArchiveFile.objects.for_site(site.pk).rollups().order_by("first_day"))


def test_hours_are_told_anew_in_another_time_zone(night: None, two_days: ReportQuery) -> None:
    """Nobody knows a day's hours in another zone from its figures; its events tell."""
    by_hour = replace(two_days, metrics=(PAGEVIEWS,), dimensions=(HOUR_OF_DAY,))
    assert source_of(by_hour) == FROM_DAYS
    assert by_value(by_hour) == {
        23: {"pageviews": 1},
        0: {"pageviews": 1},
        12: {"pageviews": 1},
    }
    site = two_days.site
    site.timezone = "Asia/Kolkata"
    site.save()

    moved = replace(by_hour, range=replace(two_days.range, zone=site.zone))

    assert source_of(moved) == FROM_EVENTS
    assert by_value(moved) == {5: {"pageviews": 2}, 17: {"pageviews": 1}}
    assert verify(site).sentences() == []


def test_a_visit_of_more_than_a_week_is_counted_from_events(
    site: Site, two_days: ReportQuery
) -> None:
    """It was there on two Mondays, and is one visit of Mondays."""
    long = add_visit(site=site, visitor=1, started_at=NOON - DAY)
    for halves in range(7 * 48 + 1):  # to the next Monday's noon
        add_event(visit=long, happened_at=NOON - DAY + halves * HOUR / 2)
    keep_up(LATER)
    fortnight = replace(two_days.range, end_day=MONDAY + 14 * DAY)
    by_weekday = replace(two_days, range=fortnight, dimensions=(WEEKDAY,))

    assert source_of(by_weekday) == FROM_EVENTS
    assert by_value(by_weekday)[1] == {"visitors": 1, "visits": 1, "pageviews": 24 + 25}
