"""A page's questions, answered together: as they are one by one, and of the same moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import chain
from time import monotonic
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from archive.archiver import archive_finished
from archive.engine import open_engine
from reports.dates import DateRange, Interval
from reports.dimensions import COUNTRY, PAGE, SOURCE, TIME
from reports.exceptions import ReportTooLargeError, ReportTooSlowError
from reports.filters import Filter, HasDone
from reports.metrics import BOUNCE_RATE, PAGEVIEWS, VISITORS, VISITS
from reports.queries import ReportQuery
from reports.sql import Statement
from reports.tests.histories import view
from reports.tests.test_report_limits import ASKING, FOR_HOURS, TOO_MUCH
from reports.warehouse.embedded import EmbeddedWarehouse, open_warehouse
from sites.models import Site
from visits.tests.hits import DAY, HOUR, MINUTE, NOON

FROM_NEWS = Filter(SOURCE, ("news",))


@pytest.fixture
def question(site: Site) -> ReportQuery:
    """A question after 9 and 10 March 2026, of which the first is archived, and who came from news.

    Ann came so on both days, on the second to /a as well; Bob on the second, otherwise.
    """
    view(site, NOON - DAY, source="news", country="DE")
    archive_finished(site.pk, NOON)
    view(site, NOON, source="news", country="DE")
    view(site, NOON + HOUR, source="news", country="FR", page="/a")
    view(site, NOON, visitor=2)
    days = DateRange(first_day=date(2026, 3, 9), end_day=date(2026, 3, 11), zone=site.zone)
    return ReportQuery(
        site=site, range=days, metrics=(VISITORS, VISITS, PAGEVIEWS), filters=(FROM_NEWS,)
    )


@pytest.fixture
def page(question: ReportQuery) -> list[ReportQuery]:
    """What a page asks, on some days and on those before."""
    monday = replace(question.range, end_day=date(2026, 3, 10))
    return [
        question,
        replace(question, range=monday),
        replace(question, dimensions=(TIME[Interval.DAY],)),
        replace(question, dimensions=(PAGE,)),
        replace(question, dimensions=(COUNTRY,), metrics=(BOUNCE_RATE, VISITS)),
        replace(question, filters=(HasDone(Filter(PAGE, ("/a",))),)),
        replace(question, filters=()),
    ]


def answers(warehouse: EmbeddedWarehouse, page: list[ReportQuery]) -> list[Any]:
    return [sorted(warehouse.answer(each)) for each in page]


def test_answers_are_those_of_one_after_the_other(page: list[ReportQuery]) -> None:
    with open_warehouse(page[0].site) as warehouse:
        expected = answers(warehouse, page)

        warehouse.answer_ahead(*page)

        assert answers(warehouse, page) == expected
        assert expected[0] == [(1, 3, 3, 1)]


def test_all_answers_are_of_the_moment_at_which_it_was_opened(page: list[ReportQuery]) -> None:
    """Also those that were not among them, asked when other reports have read on."""
    with open_warehouse(page[0].site) as warehouse:
        before = answers(warehouse, page)
    with open_warehouse(page[0].site) as warehouse:
        view(page[0].site, NOON + 2 * HOUR, source="news", visitor=3)
        with open_warehouse(page[0].site) as later:
            assert later.answer(page[0]) == [(2, 4, 4, 1)]

        warehouse.answer_ahead(*page[:3])

        assert answers(warehouse, page) == before


def test_a_visit_that_has_grown_is_counted_once(page: list[ReportQuery]) -> None:
    visit = page[0].site.visits.order_by("pk")[0]
    view(page[0].site, NOON - DAY + MINUTE, source="news", visitor=4)
    archive_finished(page[0].site.pk, NOON + DAY)
    visit.refresh_from_db()
    with open_warehouse(page[0].site) as warehouse:
        expected = answers(warehouse, page)
        warehouse.answer_ahead(*page)

        assert answers(warehouse, page) == expected


def test_nothing_stays_in_memory(page: list[ReportQuery]) -> None:
    with open_warehouse(page[0].site) as warehouse:
        warehouse.answer_ahead(*page)

    tables = open_engine().execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert tables == [("live_events",)]


@pytest.mark.parametrize(
    ("statement", "error"), [(FOR_HOURS, ReportTooSlowError), (TOO_MUCH, ReportTooLargeError)]
)
def test_they_share_a_pages_time_and_memory(
    page: list[ReportQuery],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    statement: Statement,
    error: type[Exception],
) -> None:
    settings.REPORT_SECONDS = 1 if statement is FOR_HOURS else 600
    settings.REPORT_MEMORY_MB = 64
    monkeypatch.setattr(
        "reports.warehouse.ahead._write_shared", lambda *_: dict.fromkeys(page, statement)
    )
    started = monotonic()
    with open_warehouse(page[0].site) as warehouse, pytest.raises(error):
        warehouse.answer_ahead(*page)

    assert monotonic() - started < 60


def test_long_answers_come_in_parts(
    page: list[ReportQuery], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.warehouse.embedded._BATCH", 1)
    with open_warehouse(page[0].site) as warehouse:
        expected = answers(warehouse, page)

        parts = [list(warehouse.stream(each)) for each in page]

    assert [sorted(chain.from_iterable(each)) for each in parts] == expected
    assert {len(part) for each in parts for part in each} == {1}


def test_expected_questions_have_the_same_answers(page: list[ReportQuery]) -> None:
    """Also those that are not shared, or were not expected."""
    with open_warehouse(page[0].site) as warehouse:
        expected = answers(warehouse, page)

        with warehouse.expecting(*page[1:]):
            parts = [list(warehouse.stream(each)) for each in page]
            assert answers(warehouse, page) == expected
        assert answers(warehouse, page) == expected

    assert [sorted(chain.from_iterable(each)) for each in parts] == expected
    tables = open_engine().execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert tables == [("live_events",)]


def test_a_warehouse_may_have_a_time_of_its_own(page: list[ReportQuery]) -> None:
    with (
        open_warehouse(page[0].site, 0) as warehouse,
        pytest.raises(ReportTooSlowError, match="longer than 0 seconds"),
    ):
        list(warehouse.stream(page[0]))


def test_no_questions_have_no_answers(site: Site) -> None:
    with open_warehouse(site) as warehouse:
        warehouse.answer_ahead()


@pytest.mark.parametrize("address", ASKING)
@pytest.mark.parametrize("filters", ["", "?f=is,source,news"])
def test_a_page_asks_nothing_that_was_not_answered_ahead(
    site: Site,
    member: Client,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    filters: str,
) -> None:
    view(site, NOON - 40 * DAY, source="news")
    view(site, NOON - HOUR, source="news")
    archive_finished(site.pk, NOON)
    asked = []
    monkeypatch.setattr(EmbeddedWarehouse, "write", lambda _, query: asked.append(query))

    assert member.get(f"{address}{filters}").status_code == 200
    assert asked == []
