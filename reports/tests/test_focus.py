"""Which of a page's questions share one table of events, and what is in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from archive.archiver import archive_finished
from reports.dates import DateRange
from reports.dimensions import COUNTRY, PAGE, SOURCE
from reports.filters import Filter, HasDone
from reports.metrics import BOUNCE_RATE, PAGEVIEWS, VISITORS
from reports.queries import ReportQuery, summarise
from reports.tests.histories import view
from reports.warehouse.embedded import EmbeddedWarehouse, open_warehouse
from sites.models import Site
from visits.tests.hits import DAY, HOUR, MINUTE, NOON

FROM_NEWS = Filter(SOURCE, ("news",))


@pytest.fixture
def question(site: Site) -> ReportQuery:
    """A question after 10 March 2026 and who came from the news.

    Ann did, once to / and once to /a; Bob came otherwise, and saw / three times. Ann had come from
    the news the day before too. All of it is archived, no day of it rolled up.
    """
    view(site, NOON - DAY, visitor=1, source="news")
    view(site, NOON, visitor=1, source="news")
    view(site, NOON + HOUR, visitor=1, source="news", page="/a")
    view(site, NOON, NOON + MINUTE, NOON + 2 * MINUTE, visitor=2)
    archive_finished(site.pk, NOON + DAY)
    days = DateRange(first_day=date(2026, 3, 10), end_day=date(2026, 3, 11), zone=site.zone)
    return ReportQuery(site=site, range=days, metrics=(VISITORS, PAGEVIEWS), filters=(FROM_NEWS,))


def table_of(warehouse: EmbeddedWarehouse, question: ReportQuery) -> str:
    """Return which table the question is answered from; empty where it reads files itself."""
    _, _, rest = warehouse.write(question).sql.partition("FROM focus_")
    return rest.partition(" ")[0]


def test_questions_about_the_same_days_and_filters_share_a_table(question: ReportQuery) -> None:
    by_page = replace(question, dimensions=(PAGE,))
    with open_warehouse(question.site) as warehouse:
        warehouse.expect(by_page)

        assert table_of(warehouse, question) == table_of(warehouse, by_page) == "0"
        assert summarise(warehouse, question) == {"visitors": 1, "pageviews": 2}


def test_earlier_days_have_a_table_of_their_own(question: ReportQuery) -> None:
    monday = replace(question.range, first_day=date(2026, 3, 9), end_day=date(2026, 3, 10))
    earlier = replace(question, range=monday)
    with open_warehouse(question.site) as warehouse:
        warehouse.expect(replace(question, dimensions=(PAGE,)), earlier)

        assert (table_of(warehouse, question), table_of(warehouse, earlier)) == ("0", "1")
        assert summarise(warehouse, earlier) == {"visitors": 1, "pageviews": 1}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"dimensions": (COUNTRY,)}, id="another column"),
        pytest.param({"metrics": (BOUNCE_RATE,)}, id="another metric"),
        pytest.param({"filters": ()}, id="events without the filter"),
        pytest.param({"filters": (HasDone(FROM_NEWS),)}, id="what other events decide"),
        pytest.param(
            {"filters": (FROM_NEWS, HasDone(Filter(PAGE, ("/a",))))}, id="also what others decide"
        ),
    ],
)
def test_a_question_that_was_not_expected_reads_files(
    question: ReportQuery, change: dict[str, Any]
) -> None:
    other = replace(question, **change)
    with open_warehouse(question.site) as warehouse:
        without = summarise(warehouse, other)
        warehouse.expect(question)

        assert table_of(warehouse, other) == ""
        assert summarise(warehouse, other) == without


def test_a_further_filter_is_asked_of_the_same_table(question: ReportQuery) -> None:
    narrower = replace(question, filters=(FROM_NEWS, Filter(PAGE, ("/a",))))
    with open_warehouse(question.site) as warehouse:
        warehouse.expect(question, narrower)

        assert table_of(warehouse, narrower) == "0"
        assert summarise(warehouse, narrower) == {"visitors": 1, "pageviews": 1}


def test_without_a_filter_the_third_question_that_needs_events_makes_it(
    question: ReportQuery,
) -> None:
    """Most are answered from daily figures: a table for one or two would cost more than they do."""
    unfiltered = replace(question, filters=())
    with open_warehouse(question.site) as warehouse:
        warehouse.expect(unfiltered)

        assert [table_of(warehouse, unfiltered) for _ in range(3)] == ["", "", "0"]
        assert summarise(warehouse, unfiltered) == {"visitors": 2, "pageviews": 5}


def test_too_many_events_are_left_in_their_files(
    question: ReportQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.warehouse.focus.VALUES_PER_MB", 0)
    with open_warehouse(question.site) as warehouse:
        warehouse.expect(question)

        assert table_of(warehouse, question) == ""
        assert summarise(warehouse, question) == {"visitors": 1, "pageviews": 2}


def test_events_are_counted_where_the_filter_may_leave_few(
    question: ReportQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its days the file has three of them; two meet the filter, with five columns each."""
    monkeypatch.setattr("reports.warehouse.focus.VALUES_PER_MB", 10 / 1024)
    with open_warehouse(question.site) as warehouse:
        warehouse.expect(question)

        assert table_of(warehouse, question) == "0"
