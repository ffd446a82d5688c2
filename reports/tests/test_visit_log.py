"""The log of visits: those behind a report, whole, wherever their events are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.pruning import prune_rows
from archive.retention import drop_old_events
from archive.upkeep import keep_up
from reports.dates import DateRange
from reports.dimensions import DIMENSIONS, PAGE
from reports.exceptions import EventsDroppedError
from reports.filters import Filter
from reports.metrics import VISITS
from reports.queries import ReportQuery, summarise
from reports.tests.histories import view
from reports.tests.oracle import Action
from reports.tests.pages import KINDS, Page
from reports.tests.test_oracle import histories, make_site
from reports.warehouse.embedded import open_warehouse
from sites.models import Site
from visits.models import Visit
from visits.services import add_event, add_visit
from visits.tests.hits import DAY, HOUR, MINUTE, NOON

TODAY = NOON.date()
MIDNIGHT = NOON - 12 * HOUR
LATER = NOON + 60 * DAY


@pytest.fixture
def month(site: Site) -> ReportQuery:
    """A question after the 30 days up to today."""
    days = DateRange(first_day=TODAY - 29 * DAY, end_day=TODAY + DAY, zone=site.zone)
    return ReportQuery(site=site, range=days, metrics=(VISITS,))


def newest(question: ReportQuery, limit: int = 50, offset: int = 0) -> list[Visit]:
    with open_warehouse(question.site) as warehouse:
        return warehouse.visits().newest(question, limit, offset)


def test_a_visit_that_meets_the_filter_is_shown_as_a_whole(month: ReportQuery) -> None:
    """It was on three pages, one of which is asked about."""
    reader = view(month.site, NOON, NOON + MINUTE, page="/docs", source="news", country="DE")
    add_event(visit=reader, page="/", happened_at=NOON + 5 * MINUTE)
    view(month.site, NOON + MINUTE, visitor=2, page="/docs")

    (visit,) = newest(replace(month, filters=(Filter(PAGE, ("/",)),)))

    assert (visit.pk, visit.pageviews, visit.duration) == (reader.pk, 3, 5 * MINUTE)
    assert (visit.entry_page, visit.source, visit.country) == ("/docs", "news", "DE")


def test_a_visit_across_midnight_is_in_the_log_of_both_days(month: ReportQuery) -> None:
    visit = add_visit(site=month.site, visitor=1, started_at=MIDNIGHT - MINUTE)
    for at in (MIDNIGHT - MINUTE, MIDNIGHT + MINUTE):
        add_event(visit=visit, happened_at=at)
    today = replace(month, range=replace(month.range, first_day=TODAY))
    yesterday = replace(month, range=replace(month.range, first_day=TODAY - DAY, end_day=TODAY))

    for question in (today, yesterday, month):
        assert [(one.pk, one.pageviews) for one in newest(question)] == [(visit.pk, 2)]


@pytest.mark.parametrize(("limit", "offset"), [(1, 0), (3, 0), (3, 2), (50, 0), (2, 8), (5, 20)])
def test_the_newest_are_found_however_far_back_they_are(
    month: ReportQuery, limit: int, offset: int
) -> None:
    """On days 0, 3, 6, … before today; the search begins with today and goes on by steps."""
    ids = [view(month.site, NOON - 3 * n * DAY, visitor=n).pk for n in range(15)]

    assert [one.pk for one in newest(month, limit, offset)] == ids[:10][offset : offset + limit]


def test_the_log_is_the_same_from_the_archive_and_without_rows(
    month: ReportQuery, member: Client
) -> None:
    at = NOON - DAY
    visit = view(month.site, at, at + MINUTE, page="/docs", source="news")
    add_event(visit=visit, name="signup", page="/docs", happened_at=at + 2 * MINUTE)
    page = KINDS["visit"].format(visit=visit.pk)
    live, shown = newest(month), Page.of(member.get(page))

    keep_up(LATER)
    prune_rows(month.site.pk, LATER)

    assert not Visit.objects.exists()
    (one,) = newest(month)
    assert (one.pk, one.started_at, one.last_event_at) == (
        live[0].pk,
        live[0].started_at,
        live[0].last_event_at,
    )
    assert Page.of(member.get(page)).text == shown.text


@pytest.mark.parametrize("pk", [0, 2**63 - 1, 2**63, 9**999])
def test_a_visit_that_never_was_is_not_found(pk: int, site: Site, member: Client) -> None:
    assert member.get(f"/reports/example.com/visits/{pk}/").status_code == 404


def test_days_whose_events_were_dropped_are_refused(month: ReportQuery) -> None:
    view(month.site, NOON)
    keep_up(LATER)
    month.site.keep_events_days = 1
    drop_old_events(month.site, LATER)

    with pytest.raises(EventsDroppedError):
        newest(month)


@pytest.mark.django_db
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories(), width=st.integers(1, 40), source=st.sampled_from(("", "news", None)))
def test_the_log_has_as_many_visits_as_the_headline(
    history: tuple[str, list[Action]], width: int, source: str | None
) -> None:
    asked = make_site(history, 0, width)
    filters = () if source is None else (Filter(DIMENSIONS["source"], (source,)),)
    question = ReportQuery(site=asked.site, range=asked.days, metrics=(VISITS,), filters=filters)

    with open_warehouse(asked.site) as warehouse:
        log = warehouse.visits().newest(question, 100)
        assert len({one.pk for one in log}) == summarise(warehouse, question)["visits"]
    began = [(one.started_at, one.pk) for one in log]
    assert began == sorted(began, reverse=True)
    stored = Visit.objects.in_bulk([one.pk for one in log])
    for one in log:
        kept = stored[one.pk]
        assert (one.pageviews, one.duration) == (kept.pageviews, kept.duration)


def test_a_site_may_show_no_visits(month: ReportQuery, member: Client, staff: Client) -> None:
    visit = view(month.site, NOON)
    log, page = KINDS["visits"], KINDS["visit"].format(visit=visit.pk)
    explanation = KINDS["explanation"]
    assert Page.of(member.get(explanation)).links(log)

    Site.objects.update(shows_visits=False)

    for client in (member, staff):
        assert client.get(log).status_code == 404
        assert client.get(page).status_code == 404
        for address in (KINDS["overview"], explanation):
            assert Page.of(client.get(address)).links(log) == []
    assert Client().get(log)["Location"] == f"/login/?next={log}"
